// The checks of Frame.decode as one would write them in C, and the same loop around them.
//
//   decode COUNT HEX...
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum error { NONE, DELIMITER, LENGTH, TRUNCATED, CHECKSUM };

struct frame {
  size_t offset;
  uint64_t address;
  uint8_t control;
  size_t data_count;
};

struct failure {
  enum error kind;
  uint8_t found;
  size_t where;
};

__attribute__((noinline)) static struct failure decode(
    const uint8_t *bytes, size_t count, size_t offset, struct frame *frame) {
  if (offset >= count) return (struct failure){TRUNCATED, 0, 0};
  size_t have = count - offset;
  const uint8_t *at = bytes + offset;
  if (at[0] != 0x68) return (struct failure){DELIMITER, at[0], 0};
  if (have <= 7) return (struct failure){TRUNCATED, 0, have};
  if (at[7] != 0x68) return (struct failure){DELIMITER, at[7], 7};
  if (have < 10) return (struct failure){TRUNCATED, 0, have};
  size_t data_count = at[9];
  if (data_count > 200) return (struct failure){LENGTH, at[9], 9};
  size_t length = data_count + 12;
  if (have < length) return (struct failure){TRUNCATED, 0, have};
  if (at[length - 1] != 0x16) return (struct failure){DELIMITER, at[length - 1], length - 1};
  uint8_t sum = 0;
  for (size_t index = 0; index < length - 2; index++) sum += at[index];
  if (at[length - 2] != sum) return (struct failure){CHECKSUM, sum, length - 2};
  uint64_t address = 0;
  for (int index = 1; index <= 6; index++) address |= (uint64_t)at[index] << (8 * (index - 1));
  *frame = (struct frame){offset, address, at[8], data_count};
  return (struct failure){NONE, 0, 0};
}

int main(int arguments, char **argument) {
  static uint8_t bytes[65536];
  static size_t offsets[256];
  size_t total = 0, known = 0, next = 0;
  long count = arguments > 1 ? atol(argument[1]) : 0;
  for (int index = 2; index < arguments && known < 256; index++) {
    offsets[known++] = total;
    for (const char *hex = argument[index]; *hex && total < sizeof bytes; hex += hex[2] == ' ' ? 3 : 2) {
      unsigned byte;
      if (sscanf(hex, "%2x", &byte) != 1) return 64;
      bytes[total++] = byte;
    }
  }
  size_t frames = 0;
  uint64_t sum = 0;
  for (long index = 0; index < count; index++) {
    struct frame frame;
    if (decode(bytes, total, offsets[next], &frame).kind == NONE) {
      frames++;
      sum = sum * 31 + frame.data_count + frame.control;
    } else {
      sum++;
    }
    if (++next == known) next = 0;
  }
  printf("%zu %" PRIu64 "\n", frames, sum);
  return 0;
}
