#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the known-answer vectors of docs/protocol.md, from an implementation of its own (Python's standard library).

usage: generate.py            writes the JSON files beside this file
       generate.py --check    computes them again; fails when a file differs

README.md says what the fields are. Every input that looks random is SHA-256("toxasync/1 vectors|" + label), cut to its
size.
"""
import hashlib
import json
import pathlib
import sys

sys.dont_write_bytecode = True
from primitives import (  # noqa: E402
    BASE, Refused, aead_open, aead_seal, ed25519_public, ed25519_sign, ed25519_verify, h128, h256, h512, received_point,
    self_check, x25519, x25519_raw)

ORIGIN, PERIOD = 1735689600, 21600
U16, U32, U64 = 2**16 - 1, 2**32 - 1, 2**64 - 1
SMALL, LARGE = 400, 1168
STORE, STORE_RESPONSE, RETRIEVE, RETRIEVE_RESPONSE = 0xA0, 0xA1, 0xA2, 0xA3
ZERO_NONCE = bytes(24)


def seed(label, size=32):
    return hashlib.sha256(b"toxasync/1 vectors|" + label.encode()).digest()[:size]


def number(label):
    return int.from_bytes(seed(label, 8), "little")


def u(size, value):
    return value.to_bytes(size, "little")


def vector(items):
    return u(2, len(items)) + b"".join(items)


def blob(data):
    """A vector of bytes."""
    return u(2, len(data)) + data


def flip(data, index, bits=1):
    out = bytearray(data)
    out[index] ^= bits
    return bytes(out)


class Pair:
    """A secret key and its point."""

    def __init__(self, label, secret=None):
        self.secret = seed(label) if secret is None else secret
        self.point = x25519(self.secret, BASE)


SENDER, RECIPIENT, STRANGER = Pair("sender"), Pair("recipient"), Pair("stranger")
ROOT, NODE = Pair("friends root"), Pair("node")
ONE_TIME, LAST_RESORT = Pair("one-time pre-key"), Pair("last-resort pre-key")
NOSPAM = seed("nospam", 4)
NOW = 1760000000  # the epoch that most cases are in
EPOCH = (NOW - ORIGIN) // PERIOD


# --- Sections 2 and 3: epochs and mailboxes ---

NOBODY = bytes(32)  # in place of a writer's S or of h


def write_secret(m, writer):
    """u of the friend whose Tox key is `writer`."""
    return h256(b"toxasync/1 writer", writer, key=m)


class Box:
    """The box of a writer in a mailbox: in a friends root that of `sender`, or of `writer`."""

    def __init__(self, root, epoch, sender=SENDER, recipient=RECIPIENT, m=ROOT, nospam=NOSPAM, writer=None):
        self.root, self.epoch, e = root, epoch, u(4, epoch)
        self.sender, self.recipient, self.m, self.nospam = sender, recipient, m, nospam
        self.writer = sender.point if writer is None else writer
        self.u, self.h = b"", NOBODY
        if root == "pair":
            self.Z = x25519(sender.secret, recipient.point)
            assert self.Z == x25519(recipient.secret, sender.point)
            ends = sender.point + recipient.point
            self.b = h256(b"toxasync/1 pair p", ends, e, key=self.Z)
            self.w = h256(b"toxasync/1 pair w", ends, e, key=self.Z)
            self.P, self.owner_scalars = x25519(self.b, BASE), [self.b]
        else:
            self.key = m.point if root == "friends" else h256(b"toxasync/1 pub", recipient.point, nospam)
            base, secret = (m.point, m.secret) if root == "friends" else (recipient.point, recipient.secret)
            self.b = h256(b"toxasync/1 mbox", e, key=self.key)
            if root == "friends":
                self.u = write_secret(m.secret, self.writer)
                self.h = h256(b"toxasync/1 hsec", e, key=self.u)
            self.w = h256(b"toxasync/1 write", e, key=self.u or self.key)
            self.P, self.owner_scalars = x25519(self.b, base), [self.b, secret]
        self.W = x25519(self.w, BASE)
        self.box_key = h256(b"toxasync/1 box", self.P, self.W)

    def owner(self, point):
        for scalar in reversed(self.owner_scalars):
            point = x25519(scalar, point)
        return point


def cover_root():
    return Pair("cover root", h256(b"toxasync/1 cover root", key=ROOT.secret))


def filler(box, place):
    """The tag that stands in a list where no box does. The last owner scalar is m, r or p."""
    tens, number = divmod(place, 10)
    return h256(b"toxasync/1 fill", box.P, u(4, tens), key=box.owner_scalars[-1])[3 * number :][:3]


LISTED = 128


def box_lists(box, points, count):
    """The lists that name the boxes of these W in the mailbox of `box`, each of them end to end."""
    assert len(points) <= count * LISTED
    tags = [h256(b"toxasync/1 box", box.P, W)[:3] for W in points]
    tags += [filler(box, place) for place in range(len(tags), count * LISTED)]
    return [b"".join(sorted(tags[at:at + LISTED])) for at in range(0, len(tags), LISTED)]


def owner_tag(mailbox, N, X, request):
    return h128(b"toxasync/1 owner", N, X, request, key=mailbox.owner(N))


def write_tag(mailbox, N, X, request):
    return h128(b"toxasync/1 wtag", N, X, request, key=x25519(mailbox.w, N))


EPOCHS = [0, 1, EPOCH, EPOCH + 1, U32]

LOW_ORDER = [
    "00" * 32, "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f"]


def mailbox_file():
    out = {"protocol": 1}
    last = ORIGIN + (U32 + 1) * PERIOD - 1
    times = [ORIGIN, ORIGIN + 1, ORIGIN + PERIOD - 1, ORIGIN + PERIOD, ORIGIN + 2 * PERIOD - 1, ORIGIN + 2 * PERIOD,
             NOW, ORIGIN + EPOCH * PERIOD - 1, ORIGIN + EPOCH * PERIOD, ORIGIN + (EPOCH + 1) * PERIOD - 1,
             ORIGIN + (EPOCH + 1) * PERIOD, last]
    out["epochs"] = [{"unix": t, "epoch": (t - ORIGIN) // PERIOD} for t in times]
    out["epochs_refused"] = [0, ORIGIN - PERIOD, ORIGIN - 1, last + 1]

    common = lambda box: {"epoch": box.epoch, "w": box.w, "P": box.P, "W": box.W, "box_key": box.box_key,
                          "box_tag": box.box_key[:3]}
    boxes = [Box("friends", e) for e in EPOCHS] + [Box("friends", EPOCH, writer=STRANGER.point)]
    assert len({b.P for b in boxes}) == len(EPOCHS) and len({b.W for b in boxes}) == len(boxes)
    out["friends"] = [{"m": b.m.secret, "M": b.m.point, "S": b.writer, "b": b.b, "u": b.u, "h": b.h, **common(b)}
                      for b in boxes]
    boxes = [Box("friends", e, m=cover_root(), writer=NOBODY) for e in EPOCHS]
    out["cover"] = [{"m": ROOT.secret, "cover_m": b.m.secret, "cover_M": b.m.point, "b": b.b, "u": b.u, "h": b.h,
                     **common(b)} for b in boxes]
    boxes = [Box("public", e) for e in EPOCHS] + [Box("public", EPOCH, nospam=seed("another nospam", 4))]
    out["public"] = [{"r": b.recipient.secret, "R": b.recipient.point, "nospam": b.nospam, "key": b.key, "b": b.b,
                      **common(b)} for b in boxes]
    boxes = [Box("pair", e) for e in EPOCHS] + [Box("pair", e, RECIPIENT, SENDER) for e in EPOCHS]
    out["pair"] = [{"from_secret": b.sender.secret, "from": b.sender.point, "to_secret": b.recipient.secret,
                    "to": b.recipient.point, "Z": b.Z, "p": b.b, **common(b)} for b in boxes]

    out["fillers"] = [
        {"root": root, "owner_scalars": box.owner_scalars, "P": box.P, "number": place, "tag": filler(box, place)}
        for root in ("friends", "public", "pair") for box in (Box(root, EPOCH), Box(root, EPOCH + 1))
        for place in (0, 9, 10, 127, 128, U32)]

    out["owner_tags"], out["write_tags"] = [], []
    polling, storing = Pair("polling session"), Pair("storing session")
    for root in ("friends", "public", "pair"):
        box = Box(root, EPOCH)
        request = retrieve(retrieve_fields(box, counter=1, ids=[seed("deleted id 0", 16)]))
        assert x25519(NODE.secret, box.P) == box.owner(NODE.point)
        out["owner_tags"].append({
            "root": root, "owner_scalars": box.owner_scalars, "P": box.P, "n": NODE.secret, "N": NODE.point,
            "X": polling.point, "request": request, "key": box.owner(NODE.point),
            "tag": owner_tag(box, NODE.point, polling.point, request)})
        payload = seed("cancelled id", 16) + seed("cancel secret", 16)
        request = store(store_fields(box, counter=1, payload=payload, op=1))
        assert x25519(NODE.secret, box.W) == x25519(box.w, NODE.point)
        out["write_tags"].append({
            "root": root, "w": box.w, "W": box.W, "n": NODE.secret, "N": NODE.point, "X": storing.point,
            "request": request, "key": x25519(box.w, NODE.point),
            "tag": write_tag(box, NODE.point, storing.point, request)})

    out["points_refused"] = [{"why": "top bit set", "point": flip(RECIPIENT.point, 31, 0x80)},
                             {"why": "top bit set", "point": flip(BASE, 31, 0x80)}]
    for point in map(bytes.fromhex, LOW_ORDER):
        assert x25519_raw(SENDER.secret, point) == bytes(32)
        out["points_refused"].append({"why": "all-zero X25519 result", "point": point})
    return out


# --- Section 4: envelope ---

def body_plain(f, capacity, length=None, padding=b""):
    fields = (u(8, f["seq"]) + u(8, f["floor"]) + u(8, f["sent_at_ms"]) + u(4, f["lifetime"]) + u(1, f["kind"])
              + u(1, f["part"]) + u(1, f["parts"]))
    text = f["text"]
    assert len(text) + len(padding) <= capacity
    padded = text + bytes(capacity - len(text) - len(padding)) + padding
    return fields + u(2, len(text) if length is None else length) + padded


BODY_LABEL = {"friends": b"toxasync/1 body", "public": b"toxasync/1 freq", "pair": b"toxasync/1 pair"}
KINDS = {"friends": (0, 1, 2, 4, 5), "public": (3,), "pair": (5,)}  # what may come through a root


def seal_envelope(box, f, k, label, v=1, length=None, padding=b"", claims=None, field=None, h=None, pre_key_id=None,
                  short=0):
    """All that goes into an envelope and all that comes of it. The last arguments make faults."""
    e = Pair("e|" + label)
    secret = seed("cancel|" + label, 16)
    S, R, K = box.sender.point, box.recipient.point, k.point
    claimed = claims.point if claims else S
    if field is None:  # what stands in the header in the place of the sender
        field = claimed if box.root == "public" else NOBODY
    v, epoch = u(1, v), u(4, box.epoch)
    C = h128(b"toxasync/1 cancel", secret)
    hk = h256(b"toxasync/1 hdr", e.point, box.P, box.W, box.h if h is None else h, key=x25519(e.secret, box.P))
    pre_key_id = pre_key_id or h256(K)[:8]
    hdr_plain = field + u(8, f["instance"]) + pre_key_id + f["message_id"]
    hdr = aead_seal(hk, ZERO_NONCE, v + C + e.point + box.P + box.W + epoch, hdr_plain)
    th = h256(BODY_LABEL[box.root], v, claimed, R, K, e.point, box.P, box.W, epoch, C, hdr)
    dh = [x25519(e.secret, R), x25519(e.secret, K), x25519(box.sender.secret, K)]
    bk = h256(th, key=h512(b"toxasync/1 3dh", *dh))
    plain = body_plain(f, f["size"] - 178, length, padding)
    plain = plain[:len(plain) - short]
    env = v + C + e.point + hdr + aead_seal(bk, ZERO_NONCE, th, plain)
    assert len(env) == f["size"] - short
    return {"root": box.root, "epoch": box.epoch, "m": box.m.secret if box.root == "friends" else b"",
            "M": box.m.point if box.root == "friends" else b"", "nospam": box.nospam if box.root == "public" else b"",
            "owner_scalars": box.owner_scalars, "u": box.u, "w": box.w, "h": box.h, "P": box.P, "W": box.W,
            "s": box.sender.secret, "S": S, "r": box.recipient.secret, "R": R, "k": k.secret, "K": K,
            "e": e.secret, "cancel_secret": secret, **f,
            "C": C, "E": e.point, "pre_key_id": pre_key_id, "hk": hk, "hdr_plain": hdr_plain, "hdr": hdr,
            "th": th, "dh_e_R": dh[0], "dh_e_K": dh[1], "dh_s_K": dh[2], "bk": bk, "body_plain": plain,
            "envelope": env, "id": h128(box.P, box.W, env)}


def open_envelope(c, env):
    """What the recipient does. Returns (stage, None) where it refuses, else ("", fields)."""
    stage = "format"
    try:
        if len(env) not in (SMALL, LARGE) or env[0] != 1:
            raise Refused("size or version")
        v, C, E, hdr, body = env[:1], env[1:17], env[17:49], env[49:129], env[129:]
        received_point(E)
        stage = "header"
        shared = E
        for scalar in reversed(c["owner_scalars"]):
            shared = x25519(scalar, shared)
        epoch = u(4, c["epoch"])
        hk = h256(b"toxasync/1 hdr", E, c["P"], c["W"], c["h"], key=shared)
        plain = aead_open(hk, ZERO_NONCE, v + C + E + c["P"] + c["W"] + epoch, hdr)
        S, instance, pre_key_id, message_id = plain[:32], plain[32:40], plain[40:48], plain[48:]
        stage = "fields"
        if c["root"] != "public":
            if S != NOBODY:
                raise Refused("reserved")
            S = c["S"]  # the box's writer
        stage = "pre-key"
        if h256(c["K"])[:8] != pre_key_id:
            raise Refused("unknown pre-key")
        stage = "body"
        th = h256(BODY_LABEL[c["root"]], v, S, c["R"], c["K"], E, c["P"], c["W"], epoch, C, hdr)
        dh = x25519(c["r"], E) + x25519(c["k"], E) + x25519(c["k"], S)
        plain = aead_open(h256(th, key=h512(b"toxasync/1 3dh", dh)), ZERO_NONCE, th, body)
        stage = "fields"
        number_at = lambda at, size: int.from_bytes(plain[at:at + size], "little")
        kind, part, parts, length, text = plain[28], plain[29], plain[30], number_at(31, 2), plain[33:]
        if not 0 <= part < parts <= 72 or length > len(text) or any(text[length:]):
            raise Refused("field")
        if kind not in KINDS[c["root"]]:
            raise Refused("kind in this root")
        return "", {"size": len(env), "instance": int.from_bytes(instance, "little"), "message_id": message_id,
                    "seq": number_at(0, 8), "floor": number_at(8, 8), "sent_at_ms": number_at(16, 8),
                    "lifetime": number_at(24, 4), "kind": kind, "part": part, "parts": parts, "text": text[:length]}
    except Refused:
        return stage, None


def letter(label, text, size=None, **fields):
    """The fields of an envelope: what the cases do not name has ordinary values."""
    f = {"size": size or (SMALL if len(text) <= 222 else LARGE), "instance": number("instance"),
         "message_id": seed("message|" + label, 16), "seq": 5, "floor": 3, "sent_at_ms": NOW * 1000 + 123,
         "lifetime": 86400, "kind": 0, "part": 0, "parts": 1, "text": text}
    assert not fields.keys() - f.keys()
    return {**f, **fields}


def prose(size):
    line = "The quick brown fox jumps over the lazy dog. "
    return (line * (size // len(line) + 1))[:size].encode()


EMOJI = "Grüße 👋🏽, ça va? 日本語 👩‍👩‍👧‍👦 \U0001f9ea ✅".encode()


def envelope_cases():
    friends, public, pair = (Box(root, EPOCH) for root in ("friends", "public", "pair"))
    ids = b"".join(seed(f"receipt id {i}", 16) for i in range(13))
    many = b"".join(seed(f"receipt id {i}", 16) for i in range(61))
    # Characters of four bytes behind one letter: the cut at 990 is not between two characters.
    long_text = b"a" + "\U0001f40c".encode() * 274 + b"xyz"
    assert len(long_text) == 1100 and long_text[990] & 0xC0 == 0x80
    two = {"message_id": seed("message|two parts", 16), "seq": 6, "parts": 2}
    unordered = {"seq": 0, "floor": 0}
    small_bundle, bundle = (whole["bytes"] for whole in WHOLE_BUNDLES[:2])
    part_of = {"message_id": seed("message|bundle in parts", 16), "kind": 5, "parts": 4, **unordered}
    assert len(small_bundle) <= 990 and 3 * 990 < len(bundle) <= 4 * 990
    full = Box("friends", U32)
    rows = [
        ("short text, one-time pre-key", friends, ONE_TIME, letter("short", b"Hello")),
        ("short text, last-resort pre-key", friends, LAST_RESORT, letter("last resort", b"Hello")),
        ("one byte of text, the next epoch", Box("friends", EPOCH + 1), ONE_TIME,
         letter("one", b"x", seq=1, floor=1)),
        ("222 bytes of text: the largest small envelope", friends, ONE_TIME, letter("222", prose(222))),
        ("223 bytes of text: the first that needs a large envelope", friends, ONE_TIME, letter("223", prose(223))),
        ("990 bytes of text: the largest", friends, ONE_TIME, letter("990", prose(990))),
        ("short text in a large envelope", friends, ONE_TIME, letter("short in large", b"Hello", LARGE)),
        ("UTF-8 with emoji", friends, ONE_TIME, letter("emoji", EMOJI)),
        ("action", friends, ONE_TIME, letter("action", b"waves", kind=1)),
        ("part 0 of 2, cut inside a character", friends, ONE_TIME, letter("p0", long_text[:990], part=0, **two)),
        ("part 1 of 2, cut inside a character", friends, ONE_TIME, letter("p1", long_text[990:], part=1, **two)),
        ("last of 72 parts", friends, ONE_TIME, letter("p71", b"the end", part=71, parts=72)),
        ("empty text: the second part of two", friends, ONE_TIME, letter("empty", b"", part=1, parts=2)),
        ("receipt with 1 id", friends, LAST_RESORT, letter("receipt 1", ids[:16], kind=2, **unordered)),
        ("receipt with 13 ids", friends, LAST_RESORT, letter("receipt 13", ids, kind=2, **unordered)),
        ("receipt with 61 ids", friends, LAST_RESORT, letter("receipt 61", many, kind=2, **unordered)),
        ("nack with 2 ids", friends, LAST_RESORT, letter("nack", ids[:32], kind=4, **unordered)),
        ("bundle without one-time keys, pair root", pair, RECIPIENT,
         letter("bundle pair", small_bundle, kind=5, **unordered)),
        ("bundle without one-time keys, friends root", friends, LAST_RESORT,
         letter("bundle friends", small_bundle, kind=5, **unordered)),
        ("first of 4 parts of a bundle with 100 one-time keys, pair root", pair, RECIPIENT,
         letter("bundle part 0", bundle[:990], part=0, **part_of)),
        ("last of 4 parts of a bundle with 100 one-time keys, pair root", pair, RECIPIENT,
         letter("bundle part 3", bundle[2970:], part=3, **part_of)),
        ("friend request, public root", public, RECIPIENT,
         letter("freq", b"It's me, please add me.", kind=3, **unordered)),
        ("friend request, public root, large", public, RECIPIENT,
         letter("freq 990", prose(990), kind=3, **unordered)),
        ("every number at its largest", full, ONE_TIME,
         letter("largest", b"x", instance=U64, seq=U64, floor=U64, sent_at_ms=U64, lifetime=U32, part=71, parts=72)),
        ("numbers that a double does not hold", friends, ONE_TIME,
         letter("doubles", b"x", instance=2**53 + 1, seq=2**63 + 1, floor=2**53 + 3, sent_at_ms=2**53 - 1)),
    ]
    out = []
    for name, box, k, f in rows:
        c = {"name": name, **seal_envelope(box, f, k, name)}
        stage, opened = open_envelope(c, c["envelope"])
        assert stage == "" and opened == f, name
        out.append(c)
    return out


def envelope_file(cases):
    friends, public, pair = (Box(root, EPOCH) for root in ("friends", "public", "pair"))
    negative = []

    def opened(box):
        return next(c for c in cases if (c["root"], c["epoch"]) == (box.root, box.epoch))

    def writing(writer):
        """The box of another writer in the same mailbox."""
        box = Box("friends", EPOCH, writer=writer)
        return {"w": box.w, "h": box.h, "W": box.W}

    def refuse(why, stage, case, env):
        found, _ = open_envelope(case, env)
        assert found == stage, (why, found)
        names = ("root", "epoch", "owner_scalars", "w", "h", "P", "W", "s", "S", "r", "R", "k", "K")
        negative.append({"name": why, "stage": stage, **{n: case[n] for n in names}, "envelope": env})

    base = cases[0]
    env = base["envelope"]
    for why, stage, index, bits in (
            ("flipped: version", "format", 0, 1), ("flipped: top bit of E", "format", 48, 0x80),
            ("flipped: first byte of C", "header", 1, 1), ("flipped: last byte of C", "header", 16, 0x80),
            ("flipped: first byte of E", "header", 17, 1),
            ("flipped: sender in the header", "header", 49, 1), ("flipped: message id in the header", "header", 112, 1),
            ("flipped: first byte of the header's tag", "header", 113, 1),
            ("flipped: last byte of the header's tag", "header", 128, 0x80),
            ("flipped: seq in the body", "body", 129, 1), ("flipped: text in the body", "body", 129 + 33, 1),
            ("flipped: padding in the body", "body", 383, 1), ("flipped: first byte of the body's tag", "body", 384, 1),
            ("flipped: last byte of the body's tag", "body", 399, 0x80)):
        refuse(why, stage, base, flip(env, index, bits))
    refuse("one byte short", "format", base, env[:-1])
    refuse("one byte long", "format", base, env + b"\0")
    refuse("small envelope stretched to the large size", "body", base, env + bytes(LARGE - SMALL))
    refuse("large envelope cut to the small size", "body", cases[5], cases[5]["envelope"][:SMALL])
    refuse("empty", "format", base, b"")
    refuse("E is zero: an all-zero X25519 result", "header", base, env[:17] + bytes(32) + env[49:])
    refuse("opened as of the next epoch", "header", {**base, "epoch": EPOCH + 1}, env)
    other = x25519(seed("another w"), BASE)
    refuse("opened with another W", "header", {**base, "W": other}, env)
    refuse("opened as if h were zero", "header", {**base, "h": NOBODY}, env)
    refuse("opened with the h of another friend", "header",
           {**base, "h": Box("friends", EPOCH, writer=STRANGER.point).h}, env)
    refuse("opened as in the box of another friend", "header", {**base, **writing(STRANGER.point)}, env)
    for root, case in (("public", opened(public)), ("pair", opened(pair))):
        refuse(f"an h that is not zero in a {root} root", "header", {**case, "h": friends.h}, case["envelope"])

    def sealed(why, stage, box=friends, k=ONE_TIME, text=b"Hello", size=None, fault=None, case=None, **fields):
        c = seal_envelope(box, letter(why, text, size, **fields), k, why, **(fault or {}))
        refuse(why, stage, {**c, **(case or {})}, c["envelope"])

    sealed("sealed as version 2", "format", fault={"v": 2})
    sealed("sealed as version 0", "format", fault={"v": 0})
    sealed("sealed one byte short", "format", fault={"short": 1})
    sealed("sealed for a pre-key that is not K", "pre-key", case={"k": LAST_RESORT.secret, "K": LAST_RESORT.point})
    sealed("pre-key id of K, sealed with another", "body", k=LAST_RESORT,
           fault={"pre_key_id": h256(ONE_TIME.point)[:8]}, case={"k": ONE_TIME.secret, "K": ONE_TIME.point})
    # A header is refused unless it was made with the h of the box.
    of_stranger = Box("friends", EPOCH, writer=STRANGER.point)
    of_everybody = h256(b"toxasync/1 hsec", u(4, EPOCH), key=ROOT.point)
    for why, h in (("zeros in place of h", NOBODY), ("the h of another friend", of_stranger.h),
                   ("the h of the next epoch", Box("friends", EPOCH + 1).h),
                   ("the h of the epoch before", Box("friends", EPOCH - 1).h),
                   ("an h made from M", of_everybody), ("u in place of h", friends.u), ("w in place of h", friends.w),
                   ("the h of the cover root", Box("friends", EPOCH, m=cover_root(), writer=NOBODY).h),
                   ("the h of another root", Box("friends", EPOCH, m=Pair("another friends root")).h),
                   ("a flipped bit of h", flip(friends.h, 31, 0x80)), ("no h at all", b"")):
        sealed(f"header sealed with {why}", "header", fault={"h": h}, case={"h": friends.h})
    sealed("sealed for the box of another friend", "header", box=of_stranger, case=writing(SENDER.point))
    sealed("by a friend in their own box, opened as in that of another", "header",
           box=Box("friends", EPOCH, sender=STRANGER),
           case={**writing(SENDER.point), "S": SENDER.point, "s": SENDER.secret})
    # It opens, but what stands in the place of the sender is not zero.
    for box, k in ((friends, ONE_TIME), (pair, RECIPIENT)):
        kind = {"kind": KINDS[box.root][0]}
        for why, field in (("the sender", SENDER.point), ("another", STRANGER.point),
                           ("a byte of 1 at the end", bytes(31) + b"\1"),
                           ("a byte of 1 at the start", b"\1" + bytes(31))):
            sealed(f"{why} in the header of a {box.root} root", "fields", box=box, k=k, fault={"field": field}, **kind)
    # It opens, but the body is from another.
    sealed("sealed by another who has u", "body", box=Box("friends", EPOCH, sender=STRANGER, writer=SENDER.point),
           fault={"claims": SENDER}, case={"S": SENDER.point, "s": SENDER.secret})
    sealed("sealed by another who has u, and says so", "body",
           box=Box("friends", EPOCH, sender=STRANGER, writer=SENDER.point),
           case={"S": SENDER.point, "s": SENDER.secret})
    freq = {"box": public, "k": RECIPIENT, "kind": 3}
    sealed("the header names another sender than the one who sealed", "body", fault={"claims": STRANGER}, **freq)
    sealed("the header names the recipient as the sender", "body", fault={"claims": RECIPIENT}, **freq)
    sealed("the header names nobody in a public root", "body", fault={"field": NOBODY}, **freq)
    # The names of the roots: all else fits.
    sealed("sealed with the label of a message into a public root", "body", k=RECIPIENT,
           fault={"field": SENDER.point}, case={"root": "public"}, kind=3)
    sealed("sealed with the label of a friend request into a friends root", "body", fault={"field": NOBODY},
           case={"root": "friends"}, **freq)
    sealed("sealed with the label of a message into a pair root", "body", k=RECIPIENT, case={"root": "pair"}, kind=5)
    sealed("sealed with the label of a pair root into a friends root", "body", box=pair, k=RECIPIENT,
           case={"root": "friends"}, kind=5)
    sealed("sealed with the label of a pair root into a public root", "body", box=pair, k=RECIPIENT,
           fault={"field": SENDER.point}, case={"root": "public"}, kind=3)
    sealed("last byte of the padding is 1", "fields", fault={"padding": b"\1"})
    sealed("first byte of the padding is 1", "fields", fault={"padding": b"\1" + bytes(222 - 6)})
    sealed("all the padding is not zero", "fields", fault={"padding": b"\xff" * (222 - 5)})
    sealed("last byte of the padding is 0x80, large", "fields", text=prose(500), fault={"padding": b"\x80"})
    sealed("empty text, nonzero padding", "fields", text=b"", fault={"padding": b" "}, part=1, parts=2)
    sealed("len one past the field, small", "fields", text=prose(222), fault={"length": 223})
    sealed("len one past the field, large", "fields", text=prose(990), fault={"length": 991})
    sealed("len of a large envelope in a small one", "fields", text=prose(222), fault={"length": 990})
    sealed("len 65535", "fields", fault={"length": U16})
    sealed("part = parts", "fields", part=1, parts=1)
    sealed("part > parts", "fields", part=255, parts=2)
    sealed("part 72 of 72", "fields", part=72, parts=72)
    sealed("parts 0", "fields", part=0, parts=0)
    sealed("parts 73", "fields", part=0, parts=73)
    sealed("parts 255", "fields", part=254, parts=255)
    for box, k in ((friends, ONE_TIME), (public, RECIPIENT), (pair, RECIPIENT)):
        for kind in (*(kind for kind in range(6) if kind not in KINDS[box.root]), 6, 9, 255):
            sealed(f"kind {kind} in a {box.root} root", "fields", box=box, k=k, kind=kind, text=seed("an id", 16))
    return {"protocol": 1, "cases": cases, "negative": negative}


# --- Section 6: frames and messages ---

def store_fields(box, counter, payload, op=0, ttl=86400):
    return {"counter": counter, "op": op, "epoch": box.epoch, "ttl": ttl, "P": box.P, "W": box.W,
            "write_tag": bytes(16), "payload": payload}


def store(f):
    return (u(8, f["counter"]) + u(1, f["op"]) + u(4, f["epoch"]) + u(4, f["ttl"]) + f["P"] + f["W"] + f["write_tag"]
            + blob(f["payload"]))


def store_response(f):
    return (u(8, f["counter"]) + u(1, f["status"]) + u(8, f["expires_at"]) + u(8, f["node_time"])
            + u(2, f["retry_after"]))


def retrieve_fields(box, counter, op=0, window=16, cursor=0, ids=(), boxes=None):
    boxes, = box_lists(box, [box.W], 1) if boxes is None else [boxes]
    assert len(boxes) == 3 * LISTED and len(ids) <= 51
    return {"counter": counter, "op": op, "window": window, "P": box.P, "owner_tag": bytes(16), "cursor": cursor,
            "boxes": boxes, "ids": list(ids)}


def retrieve(f):
    return (u(8, f["counter"]) + u(1, f["op"]) + u(1, f["window"]) + f["P"] + f["owner_tag"] + u(8, f["cursor"])
            + f["boxes"] + vector(f["ids"]))


def page(f):
    assert len(f["boxes"]) == len(f["envelopes"])
    return (u(8, f["counter"]) + u(1, f["index"]) + u(1, f["count"]) + u(8, f["node_time"]) + u(8, f["cursor"])
            + u(1, f["flags"]) + u(2, f["retry_after"])
            + vector([box + blob(e) for box, e in zip(f["boxes"], f["envelopes"])]))


def peers(f):
    return u(8, f["counter"]) + u(8, f["node_time"]) + vector([blob(d) for d in f["descriptors"]])


def session_keys(x, N):
    keys = h512(b"toxasync/1 sess", x.point, N.point, key=x25519(x.secret, N.point))
    assert keys == h512(b"toxasync/1 sess", x.point, N.point, key=x25519(N.secret, x.point))
    return keys[:32], keys[32:]


def seal_frame(x, N, kind, label, message, version=1, length=None, padding=b""):
    k = session_keys(x, N)[kind & 1]
    cookie, nonce = seed("cookie|" + label, 16), seed("nonce|" + label, 24)
    zeros = bytes(1280 - len(message) - len(padding))
    plain = u(2, len(message) if length is None else length) + message + zeros + padding
    assert len(plain) == 1282
    head = u(1, kind) + u(1, version)
    frame = head + cookie + x.point + nonce + aead_seal(k, nonce, head + x.point, plain)
    assert len(frame) == 1372
    return {"kind": kind, "version": version, "x": x.secret, "X": x.point, "n": N.secret, "N": N.point, "k": k,
            "cookie": cookie, "nonce": nonce, "message": message, "frame": frame}


def open_frame(c, frame):
    """What either end does. Returns (stage, None) where it refuses, else ("", message)."""
    stage = "format"
    try:
        if len(frame) != 1372 or frame[0] not in range(STORE, RETRIEVE_RESPONSE + 1) or frame[1] != 1:
            raise Refused("size, kind or version")
        X, nonce, box = received_point(frame[18:50]), frame[50:74], frame[74:]
        stage = "box"
        keys = h512(b"toxasync/1 sess", X, c["N"], key=x25519(c["n"], X))
        k = keys[32:] if frame[0] & 1 else keys[:32]
        plain = aead_open(k, nonce, frame[:2] + X, box)
        stage = "padding"
        length = int.from_bytes(plain[:2], "little")
        if length > 1280 or any(plain[2 + length:]):
            raise Refused("length or padding")
        return "", plain[2:2 + length]
    except Refused:
        return stage, None


def frame_file(cases, descriptors):
    storing, polling, asking = Pair("storing session"), Pair("polling session"), Pair("asking session")
    box = Box("friends", EPOCH)
    small = [c["envelope"] for c in cases if len(c["envelope"]) == SMALL and c["P"] == box.P]
    large = [c["envelope"] for c in cases if len(c["envelope"]) == LARGE and c["P"] == box.P]
    sessions = []
    for name, x in (("storing", storing), ("polling", polling), ("asking", asking)):
        c2s, s2c = session_keys(x, NODE)
        sessions.append({"name": name, "x": x.secret, "X": x.point, "n": NODE.secret, "N": NODE.point,
                         "shared": x25519(x.secret, NODE.point), "k_c2s": c2s, "k_s2c": s2c})

    def with_write_tag(f):
        return {**f, "write_tag": write_tag(box, NODE.point, storing.point, store(f))}

    def with_owner_tag(f):
        return {**f, "owner_tag": owner_tag(box, NODE.point, polling.point, retrieve(f))}

    deleted = [seed(f"deleted id {i}", 16) for i in range(51)]
    two_lists = box_lists(box, [Box("friends", EPOCH, writer=seed(f"friend {i}")).W for i in range(129)], 2)
    own, other = box.box_key[:8], two_lists[0][:3] + seed("a box with the same tag", 5)
    big = 2**53 + 1
    rows = {
        "store": [
            ("store of a small envelope", with_write_tag(store_fields(box, 1, small[0]))),
            ("store of a large envelope, 14 days", with_write_tag(store_fields(box, 2, large[0], ttl=1209600))),
            ("cancel", with_write_tag(store_fields(box, 3, cases[0]["id"] + cases[0]["cancel_secret"], op=1, ttl=0))),
            ("numbers at their largest", with_write_tag({**store_fields(box, U64, small[0]), "epoch": U32})),
        ],
        "store_response": [
            (name, {"counter": 1 + status, "status": status, "expires_at": expires, "node_time": NOW,
                    "retry_after": retry})
            for status, name, expires, retry in (
                (0, "stored", NOW + 86400, 0), (1, "duplicate", NOW + 259200, 0), (2, "gone", NOW + 86400, 0),
                (3, "mailbox full", 0, 600), (4, "node full", 0, 3600), (5, "try later", 0, 30),
                (6, "wrong epoch", 0, 0), (7, "refused", 0, 0), (8, "cancelled", NOW + 86400, 0), (9, "absent", 0, 0))
        ] + [("numbers at their largest",
              {"counter": U64, "status": 0, "expires_at": U64, "node_time": U64, "retry_after": U16})],
        "retrieve": [
            ("list from the start, nothing to delete", with_owner_tag(retrieve_fields(box, 1))),
            ("list, 3 ids to delete", with_owner_tag(retrieve_fields(box, 2, window=3, cursor=big, ids=deleted[:3]))),
            ("list, 51 ids to delete", with_owner_tag(retrieve_fields(box, 3, window=1, cursor=U64, ids=deleted))),
            ("subscribe", with_owner_tag(retrieve_fields(box, 4, op=1, window=1))),
            ("the first list of 129 writers", with_owner_tag(retrieve_fields(box, 5, boxes=two_lists[0]))),
            ("the second list of 129 writers", with_owner_tag(retrieve_fields(box, 6, boxes=two_lists[1]))),
        ],
        "page": [
            (name, {"counter": counter, "index": index, "count": count, "node_time": NOW, "cursor": cursor,
                    "flags": flags, "retry_after": retry, "boxes": boxes, "envelopes": envelopes})
            for name, counter, index, count, cursor, flags, retry, boxes, envelopes in (
                ("empty", 1, 0, 1, 0, 0, 0, [], []),
                ("one small envelope", 2, 0, 1, 17, 0, 0, [own], small[:1]),
                ("three small envelopes, the first of two pages", 3, 0, 2, big, 1, 0, [own, other, own], small[:3]),
                ("one large envelope, the last of two pages", 3, 1, 2, big + 1, 1, 0, [own], large[:1]),
                ("try later", 4, 0, 1, 0, 2, 30, [], []),
                ("announcement", 5, 0, 1, 0, 4, 0, [], []),
                ("numbers at their largest", U64, 15, 16, U64, 3, U16, [], []))
        ],
        "peers_request": [
            ("ask for other nodes", {"counter": 1, "op": 2, "window": 1, "P": bytes(32), "owner_tag": bytes(16),
                                     "cursor": 0, "boxes": bytes(3 * LISTED), "ids": []}),
        ],
        "peers": [
            (name, {"counter": counter, "node_time": node_time, "descriptors": descriptors})
            for name, counter, node_time, descriptors in (
                ("none", 1, NOW, []),
                ("one", 2, NOW, [descriptors[1]["bytes"]]),
                ("four, numbers at their largest", U64, U64, [d["bytes"] for d in descriptors]))
        ],
    }
    encode = {"store": store, "store_response": store_response, "retrieve": retrieve, "page": page,
              "peers_request": retrieve, "peers": peers}
    kinds = {"store": STORE, "store_response": STORE_RESPONSE, "retrieve": RETRIEVE, "page": RETRIEVE_RESPONSE,
             "peers_request": RETRIEVE, "peers": RETRIEVE_RESPONSE}
    out = {"protocol": 1, "sessions": sessions, "box_lists": []}
    for root, name, writers, count in (
            ("friends", "no writer", 0, 1), ("friends", "one writer", 1, 1), ("friends", "three writers", 3, 1),
            ("friends", "one writer, in two lists", 1, 2), ("friends", "127 writers", 127, 1),
            ("friends", "128 writers", 128, 1), ("friends", "129 writers", 129, 2), ("public", "the one box", 1, 1),
            ("pair", "the one box", 1, 1)):
        of = Box(root, EPOCH)
        points = [of.W] + [seed(f"W of writer {i}") for i in range(1, writers)] if writers else []
        out["box_lists"].append({"name": f"{root} root, {name}", "root": root, "owner_scalars": of.owner_scalars,
                                 "P": of.P, "writers": points, "lists": box_lists(of, points, count)})
    for what, named in rows.items():
        out[what] = [{"name": name, **f, "bytes": encode[what](f)} for name, f in named]
        assert all(len(row["bytes"]) <= 1280 for row in out[what])

    out["frames"] = []
    for what, kind in kinds.items():
        x = storing if kind in (STORE, STORE_RESPONSE) else asking if what.startswith("peers") else polling
        for row in out[what]:
            frame = seal_frame(x, NODE, kind, f"{what}|{row['name']}", row["bytes"])
            assert open_frame(frame, frame["frame"]) == ("", row["bytes"])
            out["frames"].append({"name": f"{what}: {row['name']}", "message_type": what,
                                  "direction": "s2c" if kind & 1 else "c2s", **frame})
    full = seal_frame(storing, NODE, STORE, "full", seed("full", 32) * 40)
    assert len(full["message"]) == 1280
    out["frames"].append({"name": "1280 bytes: no padding", "message_type": "", "direction": "c2s", **full})
    out["frames"].append({"name": "no message", "message_type": "", "direction": "s2c",
                          **seal_frame(polling, NODE, RETRIEVE_RESPONSE, "none", b"")})

    base = out["frames"][0]
    good, message = base["frame"], base["message"]
    out["bad_frames"] = []

    def refuse(why, stage, frame, c=base):
        found, _ = open_frame(c, frame)
        assert found == stage, (why, found)
        out["bad_frames"].append({"name": why, "stage": stage, "direction": "s2c" if c["kind"] & 1 else "c2s",
                                  **{n: c[n] for n in ("x", "X", "n", "N", "k")}, "frame": frame})

    def sealed(why, stage, **fault):
        c = seal_frame(storing, NODE, fault.pop("kind", STORE), "bad|" + why, fault.pop("message", message), **fault)
        refuse(why, stage, c["frame"], c)

    sealed("last byte of the padding is 1", "padding", padding=b"\1")
    sealed("first byte of the padding is 1", "padding", padding=b"\1" + bytes(1280 - len(message) - 1))
    sealed("length 1281, past the box", "padding", length=1281)
    sealed("length 65535", "padding", length=U16)
    sealed("length one less than the message", "padding", length=len(message) - 1, message=message[:-1] + b"\1")
    sealed("sealed as version 2", "format", version=2)
    sealed("sealed as version 0", "format", version=0)
    sealed("sealed as kind 0x9f", "format", kind=0x9F)
    sealed("sealed as kind 0xa4", "format", kind=0xA4)
    refuse("flipped: kind, a retrieve in place of a store", "box", flip(good, 0, STORE ^ RETRIEVE))
    refuse("flipped: kind, the other direction", "box", flip(good, 0, 1))
    refuse("flipped: version", "format", flip(good, 1, 2))
    refuse("flipped: X", "box", flip(good, 18))
    refuse("flipped: top bit of X", "format", flip(good, 49, 0x80))
    refuse("X is zero: an all-zero X25519 result", "box", good[:18] + bytes(32) + good[50:])
    refuse("flipped: first byte of the nonce", "box", flip(good, 50))
    refuse("flipped: last byte of the nonce", "box", flip(good, 73, 0x80))
    refuse("flipped: first byte of the box", "box", flip(good, 74))
    refuse("flipped: last byte of the box before its tag", "box", flip(good, 1355))
    refuse("flipped: last byte of the tag", "box", flip(good, 1371, 0x80))
    refuse("one byte short", "format", good[:-1])
    refuse("one byte long", "format", good + b"\0")
    refuse("empty", "format", b"")
    # The cookie is not under the AEAD: with another one the frame still opens.
    assert open_frame(base, flip(good, 2)) == ("", message)
    return out


# --- Section 6: descriptor and cookie reply ---

def address(ip, port):
    octets = bytes(map(int, ip.split("."))) if "." in ip else bytes.fromhex(ip.replace(":", ""))
    assert len(octets) in (4, 16)
    return {"family": 4 if len(octets) == 4 else 6, "ip": octets + bytes(16 - len(octets)), "port": port}


def address_bytes(a):
    return u(1, a["family"]) + a["ip"] + u(2, a["port"])


ADDRESSES = [address("192.0.2.1", 33445), address("2001:0db8:0000:0000:0000:0000:0000:0001", 443),
             address("203.0.113.255", 1), address("2001:0db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535)]


def descriptor(name, label, N, valid_from, valid_until, capacity, addresses):
    secret = seed("node id|" + label)
    node_id = ed25519_public(secret)
    unsigned = (u(1, 1) + node_id + N + u(8, valid_from) + u(8, valid_until) + u(8, capacity)
                + vector([address_bytes(a) for a in addresses]))
    signed = b"toxasync/1 node" + unsigned
    signature = ed25519_sign(secret, signed)
    assert ed25519_verify(node_id, signed, signature)
    return {"name": name, "seed": secret, "version": 1, "node_id": node_id, "N": N, "valid_from": valid_from,
            "valid_until": valid_until, "capacity": capacity, "addresses": addresses, "signed": signed,
            "signature": signature, "bytes": unsigned + signature}


def descriptor_file():
    good = [descriptor("no address", "a", NODE.point, NOW, NOW + 86400, 0, []),
            descriptor("one IPv4 address", "a", NODE.point, NOW, NOW + 86400, 10**9, ADDRESSES[:1]),
            descriptor("IPv4 and IPv6", "a", NODE.point, NOW, NOW + 604800, 2**53 + 1, ADDRESSES[:2]),
            descriptor("four addresses, numbers at their largest", "b", Pair("node b").point, U64 - 1, U64, U64,
                       ADDRESSES)]
    assert len(good[3]["bytes"]) == 231
    one = good[1]["bytes"]
    bad = [{"name": name, "bytes": data} for name, data in (
        ("flipped: node id", flip(one, 1)), ("flipped: N", flip(one, 33)), ("flipped: valid from", flip(one, 65)),
        ("flipped: valid until", flip(one, 73)), ("flipped: capacity", flip(one, 81)),
        ("flipped: port of the address", flip(one, 109)), ("flipped: first byte of the signature", flip(one, -64)),
        ("flipped: last byte of the signature", flip(one, -1)), ("version 2", flip(one, 0, 3)),
        ("one byte short", one[:-1]),
        ("signed without the label", one[:-64] + ed25519_sign(good[1]["seed"], one[:-64])),
        ("signed with another key", one[:-64] + ed25519_sign(seed("node id|b"), b"toxasync/1 node" + one[:-64])))]
    for row in bad:
        data = row["bytes"]
        assert not ed25519_verify(data[1:33], b"toxasync/1 node" + data[:-64], data[-64:])

    replies = []
    for name, request, d in (("to a store", STORE, good[1]), ("to a retrieve", RETRIEVE, good[3])):
        x = Pair("session of the cookie reply|" + name)
        nonce, cookie = seed("nonce|cookie reply|" + name, 24), seed("cookie|cookie reply|" + name, 16)
        frame = u(1, request + 1) + u(1, 1) + cookie + x.point + nonce + d["bytes"]
        assert len(frame) == 74 + len(d["bytes"]) <= 1372
        replies.append({"name": name, "request_kind": request, "kind": request + 1, "version": 1, "cookie": cookie,
                        "X": x.point, "nonce": nonce, "descriptor": d["bytes"], "frame": frame})
    return {"protocol": 1, "descriptors": good, "bad_descriptors": bad, "cookie_replies": replies}


# --- Section 5: friend channel ---

def packet(kind, *parts):
    out = bytes((190, 0x74, 1, kind)) + b"".join(parts)
    assert len(out) <= 1373
    return out


class Head:
    """A signed bundle head. The last arguments make faults."""

    def __init__(self, name, sender, receiver, instance, version, nodes, keys, replaces=0, until=NOW + 28 * 86400,
                 root="version 1", signer="signer", last_resort=LAST_RESORT.point, count=None, mac_for=None,
                 label=None):
        self.name, self.sender, self.receiver, self.instance, self.version = name, sender, receiver, instance, version
        self.replaces, self.until, self.nodes, self.keys = replaces, until, nodes, keys
        self.M, self.m = Pair("friends root|" + root).point, Pair("friends root|" + root).secret
        self.u = write_secret(self.m, receiver.point)
        self.last_resort, self.count = last_resort, len(keys) if count is None else count
        macced = mac_for or (sender.point, receiver.point, instance, version)
        self.mac = root_mac(self.m, receiver.point, self.M, *macced)
        self.keys_hash, self.seed = h256(*keys), seed("bundle " + signer)
        self.signer = ed25519_public(self.seed)
        unsigned = (u(8, instance) + u(8, version) + u(8, replaces) + self.M + self.u + self.mac + last_resort
                    + u(8, until) + u(2, self.count) + self.keys_hash + self.signer
                    + vector([n["node_id"] + vector([address_bytes(a) for a in n["addresses"]]) for n in nodes]))
        self.signed = (b"toxasync/1 bundle" if label is None else label) + sender.point + receiver.point + unsigned
        self.signature = ed25519_sign(self.seed, self.signed)
        self.bytes = unsigned + self.signature
        assert len(self.bytes) <= 1369

    def whole(self, keys=None):
        """The text of a message of kind 5."""
        return self.bytes + vector(self.keys if keys is None else keys)


def root_mac(m, checker, M, R, S, instance, version):
    return h128(b"toxasync/1 root", M, R, S, u(8, instance), u(8, version), key=x25519(m, checker))


def one_time(first, count):
    return [Pair(f"one-time pre-key {i}").point for i in range(first, first + count)]


def home(i, addresses):
    return {"node_id": ed25519_public(seed(f"node id|home {i}")), "addresses": addresses}


INSTANCE = number("bundle instance")
HEADS = [
    Head("no one-time keys, one home node", RECIPIENT, SENDER, INSTANCE, 1, [home(0, ADDRESSES[:1])], []),
    Head("100 one-time keys, two home nodes, another M", RECIPIENT, SENDER, INSTANCE, 2**53 + 1,
         [home(0, ADDRESSES[:2]), home(1, ADDRESSES[3:])], one_time(0, 100), root="a later version, another M"),
    Head("a new instance that replaces the one before, the same signer", RECIPIENT, SENDER,
         number("second bundle instance"), 1, [home(0, ADDRESSES[:1])], one_time(100, 1), replaces=INSTANCE),
    Head("numbers at their largest, five home nodes with four addresses each, the other way", SENDER, RECIPIENT, U64,
         U64, [home(i, ADDRESSES) for i in range(5)], one_time(0, 200), replaces=U64, until=U64,
         root="numbers at their largest", signer="signer of the other"),
]
WHOLE_BUNDLES = [{"name": head.name, "s": head.receiver.secret, "S": head.receiver.point, "R": head.sender.point,
                  "head": head.bytes, "keys": head.keys, "bytes": head.whole()} for head in HEADS]
assert len(HEADS[3].bytes) == 826 and len(HEADS[3].whole()) == 7228


def open_bundle(s, S, R, data):
    """What the friend S does with a whole bundle of R's. Returns the stage where S refuses it, or ""."""
    stage, at = "format", 0
    try:
        def take(size):
            nonlocal at
            at += size
            if at > len(data):
                raise Refused("ends early")
            return data[at - size:at]

        def count(least, most):
            value = int.from_bytes(take(2), "little")
            if not least <= value <= most:
                raise Refused("count")
            return value

        instance, version, _, M, _, mac, last_resort = (take(n) for n in (8, 8, 8, 32, 32, 16, 32))
        take(8)
        keys_count, keys_hash, signer = int.from_bytes(take(2), "little"), take(32), take(32)
        for _ in range(count(1, 5)):
            take(32)
            for _ in range(count(1, 4)):
                take(19)
        signature = take(64)
        signed = b"toxasync/1 bundle" + R + S + data[:at - 64]
        keys = [take(32) for _ in range(count(0, 200))]
        if at != len(data):
            raise Refused("bytes left over")
        received_point(last_resort)
        stage = "signature"
        if not ed25519_verify(signer, signed, signature):
            raise Refused("signature")
        stage = "root MAC"
        if mac != root_mac(s, received_point(M), M, R, S, *(int.from_bytes(n, "little") for n in (instance, version))):
            raise Refused("MAC")
        stage = "keys"
        if len(keys) != keys_count or h256(*keys) != keys_hash:
            raise Refused("keys")
        return ""
    except Refused:
        return stage


def bad_bundles():
    out = []
    first, second = HEADS[:2]
    good = second.whole()
    signature_at = len(second.bytes) - 64
    nodes = [home(0, ADDRESSES[:1])]

    def refuse(why, stage, data, R=RECIPIENT.point, receiver=SENDER):
        found = open_bundle(receiver.secret, receiver.point, R, data)
        assert found == stage, (why, found)
        out.append({"name": why, "stage": stage, "s": receiver.secret, "S": receiver.point, "R": R, "bytes": data})

    def fault(why, stage, keys=None, **changes):
        arguments = {"sender": RECIPIENT, "receiver": SENDER, "instance": INSTANCE, "version": 1, "nodes": nodes,
                     "keys": one_time(0, 3), **changes}
        refuse(why, stage, Head(why, **arguments).whole(keys))

    for why, index in (("instance", 0), ("version", 8), ("replaces", 16), ("M", 24),
                       ("u", 56), ("last byte of u", 87), ("root MAC", 88), ("last-resort pre-key", 104),
                       ("use-until", 136), ("keys hash", 146), ("signer", 178), ("a home node's id", 212),
                       ("a port", 263), ("first byte of the signature", signature_at),
                       ("last byte of the signature", signature_at + 63)):
        refuse(f"flipped: {why}", "signature", flip(good, index))
    refuse("flipped: one-time count", "signature", flip(good, 144))
    refuse("given by another, signed by the sender", "signature", good, R=STRANGER.point)
    refuse("given to another friend", "signature", good, receiver=STRANGER)
    refuse("R and S changed about", "signature", good, R=SENDER.point, receiver=RECIPIENT)
    fault("signed without the label", "signature", label=b"")
    fault("signed with the label of a descriptor", "signature", label=b"toxasync/1 node")
    refuse("the signature of another version", "signature",
           first.bytes[:-64] + second.signature + vector([]))
    fault("the root MAC of another version", "root MAC", mac_for=(RECIPIENT.point, SENDER.point, INSTANCE, 2))
    fault("the root MAC of another instance", "root MAC", mac_for=(RECIPIENT.point, SENDER.point, INSTANCE + 1, 1))
    fault("the root MAC of another sender", "root MAC", mac_for=(STRANGER.point, SENDER.point, INSTANCE, 1))
    keys = one_time(0, 3)
    fault("one key in place of another", "keys", keys=[keys[0], keys[2], keys[2]])
    fault("two keys changed about", "keys", keys=[keys[1], keys[0], keys[2]])
    fault("a bit of a key", "keys", keys=[keys[0], keys[1], flip(keys[2], 0)])
    fault("a key less than announced", "keys", keys=keys[:2])
    fault("a key more than announced", "keys", keys=keys + one_time(3, 1))
    fault("the hash fits, the count does not", "keys", count=2)
    fault("no home node", "format", nodes=[])
    fault("six home nodes", "format", nodes=[home(i, ADDRESSES[:1]) for i in range(6)])
    fault("a home node without an address", "format", nodes=[home(0, [])])
    fault("201 one-time keys", "format", keys=one_time(0, 1) * 201)
    fault("top bit of the last-resort pre-key", "format", last_resort=flip(LAST_RESORT.point, 31, 0x80))
    refuse("one byte short", "format", good[:-1])
    refuse("one byte long", "format", good + b"\0")
    refuse("a head alone", "format", second.bytes)
    return out


def bundle_file(cases):
    out = {"protocol": 1, "root_macs": [], "heads": [], "keys": [], "taken": [], "envelopes": [], "receipts": [],
           "nacks": [], "whole": WHOLE_BUNDLES, "bad_whole": bad_bundles()}
    for head in HEADS:
        key = x25519(head.m, head.receiver.point)
        assert key == x25519(head.receiver.secret, head.M)
        assert open_bundle(head.receiver.secret, head.receiver.point, head.sender.point, head.whole()) == ""
        who = {"R": head.sender.point, "S": head.receiver.point}
        if head is not HEADS[2]:
            out["root_macs"].append({"name": head.name, "m": head.m, "M": head.M, "r": head.sender.secret, **who,
                                     "s": head.receiver.secret, "instance": head.instance, "version": head.version,
                                     "key": key, "mac": head.mac})
        out["heads"].append({
            "name": head.name, **who, "instance": head.instance, "version": head.version, "replaces": head.replaces,
            "m": head.m, "M": head.M, "u": head.u, "root_mac": head.mac, "last_resort": head.last_resort,
            "use_until": head.until, "one_time_count": head.count, "keys_hash": head.keys_hash, "seed": head.seed,
            "signer": head.signer, "home_nodes": head.nodes, "signed": head.signed, "signature": head.signature,
            "packet": packet(1, head.bytes)})
    for name, start, count in (("one key", 0, 1), ("the first 40 of 100 keys", 0, 40), ("the next 40", 40, 40),
                               ("the last 20", 80, 20), ("the last key of 200", 199, 1)):
        keys = one_time(start, count)
        out["keys"].append({"name": name, "instance": INSTANCE, "version": 1, "first": start, "keys": keys,
                            "packet": packet(2, u(8, INSTANCE), u(8, 1), u(2, start), vector(keys))})
    for name, instance_of, version, receiver in (("version 1", INSTANCE, 1, 2), ("numbers at their largest", U64, U64, U64)):
        out["taken"].append({"name": name, "instance": instance_of, "version": version, "receiver": receiver,
                             "packet": packet(3, u(8, instance_of), u(8, version), u(8, receiver))})
    for c in (cases[0], cases[5]):
        out["envelopes"].append({"name": c["name"], "epoch": c["epoch"], "P": c["P"], "envelope": c["envelope"],
                                 "packet": packet(4, u(4, c["epoch"]), c["P"], blob(c["envelope"]))})
    for kind, rows in ((5, out["receipts"]), (6, out["nacks"])):
        for instance, count in ((INSTANCE, 1), (2**53 + 1, 2), (U64, 80)):
            ids = [seed(f"receipt id {i}", 16) for i in range(count)]
            rows.append({"name": f"{count} ids", "instance": instance, "ids": ids,
                         "packet": packet(kind, u(8, instance), vector(ids))})
    return out


# --- Files ---

def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def main(arguments):
    if arguments not in ([], ["--check"]):
        raise SystemExit(__doc__)
    self_check()
    cases = envelope_cases()
    nodes = descriptor_file()
    files = {"mailbox.json": mailbox_file(), "envelope.json": envelope_file(cases),
             "frame.json": frame_file(cases, nodes["descriptors"]), "descriptor.json": nodes,
             "bundle.json": bundle_file(cases)}
    folder, differs = pathlib.Path(__file__).resolve().parent, []
    for name, content in files.items():
        data = (json.dumps(plain(content), indent=1) + "\n").encode()
        path = folder / name
        if not arguments:
            path.write_bytes(data)
        elif not path.is_file() or path.read_bytes() != data:
            differs.append(name)
    if differs:
        raise SystemExit("generate.py: differs from what the protocol gives: " + ", ".join(differs))
    print("generate.py: " + (f"{len(files)} files are as computed" if arguments else f"wrote {len(files)} files"))


if __name__ == "__main__":
    main(sys.argv[1:])
