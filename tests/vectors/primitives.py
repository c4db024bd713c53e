# SPDX-License-Identifier: GPL-3.0-or-later
"""The primitives of docs/protocol.md, section 1, in plain Python: an implementation that shares no code with the one
under test. Slow and not constant time; for test vectors only. self_check() holds it against the vectors of the RFCs."""
import hashlib
import struct


class Refused(Exception):
    """What was received must be refused."""


def h(size, *parts, key=b""):
    return hashlib.blake2b(b"".join(parts), digest_size=size, key=key).digest()


def h128(*parts, key=b""):
    return h(16, *parts, key=key)


def h256(*parts, key=b""):
    return h(32, *parts, key=key)


def h512(*parts, key=b""):
    return h(64, *parts, key=key)


# --- X25519 (RFC 7748) ---

P25519 = 2**255 - 19
BASE = (9).to_bytes(32, "little")


def x25519_raw(scalar, point):
    """RFC 7748, section 5; an all-zero result is returned."""
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    p = P25519
    x1 = (int.from_bytes(point, "little") & (2**255 - 1)) % p
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % p, b * b % p
        e = aa - bb
        da, cb = (x3 - z3) * a % p, (x3 + z3) * b % p
        x3, z3 = (da + cb) ** 2 % p, x1 * (da - cb) ** 2 % p
        x2, z2 = aa * bb % p, e * (aa + 121665 * e) % p
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


def x25519(scalar, point):
    result = x25519_raw(scalar, point)
    if result == bytes(32):
        raise Refused("all-zero X25519 result")
    return result


def received_point(point):
    if point[31] & 0x80:
        raise Refused("top bit of a point")
    return point


# --- ChaCha20, Poly1305 (RFC 8439), XChaCha20 (draft-irtf-cfrg-xchacha-03) ---

SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def chacha_rounds(state):
    s = list(state)

    def quarter(a, b, c, d):
        for x, y, z, left in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            v = s[z] ^ s[x]
            s[z] = (v << left | v >> (32 - left)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


def chacha20_block(key, counter, nonce):
    state = (*SIGMA, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce))
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, chacha_rounds(state))))


def chacha20_xor(key, counter, nonce, data):
    out = bytearray()
    for i in range(0, len(data), 64):
        block = chacha20_block(key, counter + i // 64, nonce)
        out += bytes(a ^ b for a, b in zip(data[i:i + 64], block))
    return bytes(out)


def hchacha20(key, nonce16):
    s = chacha_rounds((*SIGMA, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce16)))
    return struct.pack("<8I", *s[:4], *s[12:])


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(data), 16):
        total = (total + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def ietf_tag(key, nonce12, ad, sealed):
    pad_ad, pad_sealed = bytes(-len(ad) % 16), bytes(-len(sealed) % 16)
    lengths = struct.pack("<QQ", len(ad), len(sealed))
    return poly1305(chacha20_block(key, 0, nonce12)[:32], ad + pad_ad + sealed + pad_sealed + lengths)


def ietf_seal(key, nonce12, ad, plain):
    sealed = chacha20_xor(key, 1, nonce12, plain)
    return sealed + ietf_tag(key, nonce12, ad, sealed)


def aead_seal(key, nonce, ad, plain):
    """XChaCha20-Poly1305-IETF."""
    return ietf_seal(hchacha20(key, nonce[:16]), bytes(4) + nonce[16:], ad, plain)


def aead_open(key, nonce, ad, box):
    subkey, nonce12 = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    if len(box) < 16 or ietf_tag(subkey, nonce12, ad, box[:-16]) != box[-16:]:
        raise Refused("AEAD tag")
    return chacha20_xor(subkey, 1, nonce12, box[:-16])


# --- Ed25519 (RFC 8032) ---

ED_L = 2**252 + 27742317777372353535851937790883648493
ED_D = -121665 * pow(121666, P25519 - 2, P25519) % P25519
ED_I = pow(2, (P25519 - 1) // 4, P25519)


def ed_recover_x(y, sign):
    if y >= P25519:
        return None
    x2 = (y * y - 1) * pow(ED_D * y * y + 1, P25519 - 2, P25519) % P25519
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P25519 + 3) // 8, P25519)
    if (x * x - x2) % P25519:
        x = x * ED_I % P25519
    if (x * x - x2) % P25519:
        return None
    return P25519 - x if x & 1 != sign else x


def ed_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * ED_D, 2 * p[2] * q[2]
    e, f, g, j = (b - a) % P25519, (d - c) % P25519, (d + c) % P25519, (b + a) % P25519
    return e * f % P25519, g * j % P25519, f * g % P25519, e * j % P25519


def ed_mul(k, p):
    q = (0, 1, 1, 0)
    while k:
        if k & 1:
            q = ed_add(q, p)
        p = ed_add(p, p)
        k >>= 1
    return q


ED_BY = 4 * pow(5, P25519 - 2, P25519) % P25519
ED_BX = ed_recover_x(ED_BY, 0)
ED_B = (ED_BX, ED_BY, 1, ED_BX * ED_BY % P25519)


def ed_compress(p):
    inverse = pow(p[2], P25519 - 2, P25519)
    x, y = p[0] * inverse % P25519, p[1] * inverse % P25519
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed_decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = ed_recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P25519)


def ed_expand(seed):
    digest = hashlib.sha512(seed).digest()
    a = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return a, digest[32:]


def ed_hash(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ED_L


def ed25519_public(seed):
    return ed_compress(ed_mul(ed_expand(seed)[0], ED_B))


def ed25519_sign(seed, message):
    a, prefix = ed_expand(seed)
    public = ed_compress(ed_mul(a, ED_B))
    r = ed_hash(prefix, message)
    point = ed_compress(ed_mul(r, ED_B))
    s = (r + ed_hash(point, public, message) * a) % ED_L
    return point + s.to_bytes(32, "little")


def ed25519_verify(public, message, signature):
    a, r, s = ed_decompress(public), ed_decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ED_L:
        return False
    k = ed_hash(signature[:32], public, message)
    return ed_compress(ed_mul(s, ED_B)) == ed_compress(ed_add(r, ed_mul(k, a)))


# --- Against the RFCs ---

def self_check():
    x = bytes.fromhex

    def same(what, got, want):
        if got != want:
            raise SystemExit(f"primitives.py: {what}: got {got.hex()}, the standard says {want.hex()}")

    same("BLAKE2b, RFC 7693 appendix A", h512(b"abc"), x(
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"))

    for scalar, point, result in (
            ("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
             "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
             "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
            ("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
             "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
             "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")):
        same("X25519, RFC 7748 section 5.2", x25519(x(scalar), x(point)), x(result))
    k, u = BASE, BASE
    for _ in range(1000):
        k, u = x25519(k, u), k
    same("X25519 a thousand times, RFC 7748 section 5.2", k,
         x("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"))
    alice = x("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = x("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    same("X25519 public key, RFC 7748 section 6.1", x25519(alice, BASE),
         x("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"))
    same("X25519 shared secret, RFC 7748 section 6.1", x25519(alice, x25519(bob, BASE)),
         x("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"))

    key = bytes(range(32))
    same("ChaCha20 block, RFC 8439 section 2.3.2", chacha20_block(key, 1, x("000000090000004a00000000")), x(
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"))
    same("Poly1305, RFC 8439 section 2.5.2",
         poly1305(x("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
                  b"Cryptographic Forum Research Group"), x("a8061dc1305136c6c22b8baf0c0127a9"))
    key = bytes(range(0x80, 0xA0))
    ad = x("50515253c0c1c2c3c4c5c6c7")
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            b"sunscreen would be it.")
    box = ietf_seal(key, x("070000004041424344454647"), ad, text)
    same("ChaCha20-Poly1305, RFC 8439 section 2.8.2", box[:16] + box[-16:],
         x("d31a8d34648e60db7b86afbc53ef7ec2" "1ae10b594f09e26a7e902ecbd0600691"))
    same("HChaCha20, draft-irtf-cfrg-xchacha-03 section 2.2.1",
         hchacha20(bytes(range(32)), x("000000090000004a0000000031415927")),
         x("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"))
    nonce = bytes(range(0x40, 0x58))
    box = aead_seal(key, nonce, ad, text)
    same("XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03 appendix A.3.1", box, x(
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52e" "c0875924c1c7987947deafd8780acf49"))
    same("XChaCha20-Poly1305 opened", aead_open(key, nonce, ad, box), text)

    for seed, public, message, signature in (
            ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
             "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
             "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
             "d25bf5f0595bbe24655141438e7a100b"),
            ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
             "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
             "387b2eaeb4302aeeb00d291612bb0c00")):
        same("Ed25519 public key, RFC 8032 section 7.1", ed25519_public(x(seed)), x(public))
        same("Ed25519 signature, RFC 8032 section 7.1", ed25519_sign(x(seed), x(message)), x(signature))
        if not ed25519_verify(x(public), x(message), x(signature)) or ed25519_verify(x(public), b"?", x(signature)):
            raise SystemExit("primitives.py: Ed25519 verification")
