/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier): POSIX wants that one */

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void print_hex(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    printf("%02x", bytes[i]);
  }
}

bool parse_hex(const char* text, uint8_t* bytes, size_t size) {
  if (strlen(text) != 2 * size || strspn(text, "0123456789abcdefABCDEF") != 2 * size) {
    return false;
  }

  for (size_t i = 0; i < size; ++i) {
    const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
    bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
  }

  return true;
}

void print_text(const uint8_t* text, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    if (text[i] == '\n') {
      fputs("\\n", stdout);
    } else if (text[i] == '\\') {
      fputs("\\\\", stdout);
    } else if (text[i] < 0x20 || text[i] == 0x7f) {
      printf("\\x%02x", text[i]);
    } else {
      putchar(text[i]);
    }
  }

  putchar('\n');
}

uint8_t* read_file(const char* path, size_t* size) {
  FILE* const file = fopen(path, "rb");
  uint8_t* data = NULL;
  long end = -1;

  if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0 &&
      fseek(file, 0, SEEK_SET) == 0) {
    *size = (size_t)end;
    data = (uint8_t*)malloc(*size + 1);

    if (data != NULL && fread(data, 1, *size, file) != *size) {
      free(data);
      data = NULL;
    }
  }

  if (file != NULL) {
    fclose(file);
  }

  return data;
}

bool replace_file(const char* path, const uint8_t* data, size_t size) {
  char temporary[4096];

  if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
    return false;
  }

  const int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);

  if (file < 0) {
    return false;
  }

  bool ok = write(file, data, size) == (ssize_t)size && fsync(file) == 0;
  ok = close(file) == 0 && ok;
  return ok && rename(temporary, path) == 0;
}

bool read_lines(Line_Reader* reader, int fd) {
  memmove(reader->data, reader->data + reader->begin, reader->end - reader->begin);
  reader->end -= reader->begin;
  reader->begin = 0;

  if (reader->end == sizeof(reader->data)) {
    puts("error line too long: use send-file");
    reader->end = 0;
  }

  const ssize_t got = read(fd, reader->data + reader->end, sizeof(reader->data) - reader->end);

  if (got <= 0) {
    return got < 0 && (errno == EAGAIN || errno == EINTR);
  }

  reader->end += (size_t)got;
  return true;
}

char* next_line(Line_Reader* reader) {
  char* const line = reader->data + reader->begin;
  char* const end = (char*)memchr(line, '\n', reader->end - reader->begin);

  if (end == NULL) {
    return NULL;
  }

  *end = '\0';
  reader->begin = (size_t)(end + 1 - reader->data);
  return line;
}
