/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What minichat needs that has nothing to do with Tox: hexadecimal digits, files, lines.
 */
#ifndef MINICHAT_SUPPORT_H
#define MINICHAT_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void print_hex(const uint8_t* bytes, size_t size);

/* Reads exactly `size` bytes in hexadecimal digits. */
bool parse_hex(const char* text, uint8_t* bytes, size_t size);

/* Text and an end of line. What one line or a terminal can't take is escaped: \n, \\, \x1b. */
void print_text(const uint8_t* text, size_t length);

/* The whole file, to be freed; NULL with errno set if it can't be read. */
uint8_t* read_file(const char* path, size_t* size);

/* Writes a file readable by its owner only. After a crash the old or the new one is there, whole. False with
 * errno. */
bool replace_file(const char* path, const uint8_t* data, size_t size);

/* Lines from a file descriptor that must not be waited for. */
typedef struct Line_Reader {
  char data[16384];
  size_t begin;
  size_t end;
} Line_Reader;

/* Reads once. False at the end of the input. A line that is too long is dropped with an error line on stdout.
 */
bool read_lines(Line_Reader* reader, int fd);

/* The next whole line without its end, good until read_lines; NULL if there is none yet. */
char* next_line(Line_Reader* reader);

#endif
