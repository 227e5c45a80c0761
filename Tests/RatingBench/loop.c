// The bills of `meterd bench rating` once more, by a plain loop with the schedule compiled in: the ceiling.
// Prints bills a second of the processor, fen, lines, digest.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { METERS = 1000000, LINES = 7 };

static const int64_t prices[LINES] = {102896875, 60886875, 23676875, 5000000, 30000000, 620000, 196875};

static inline int64_t over(int64_t number, int64_t edge) { return number > edge ? number - edge : 0; }

// Quantities of the seven lines, in hundredths of a kWh.
static inline void quantities(int64_t total, int64_t peak, int64_t valley, int64_t *line) {
  line[0] = peak;
  line[1] = total - peak - valley;
  line[2] = valley;
  line[3] = over(total < 60000 ? total : 60000, 26000);
  line[4] = over(total, 60000);
  line[5] = total;
  line[6] = total;
}

static inline int64_t fen(int64_t quantity, int64_t price) { return (quantity * price + 50000000) / 100000000; }

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(void) {
  int64_t *use = malloc(sizeof(int64_t) * 3 * METERS);
  // One batch's lines, as the other engine keeps them: quantity, price, amount, kind.
  struct line { int64_t quantity, price, amount, kind; } *sheet = malloc(sizeof(struct line) * LINES * 1024);
  if (!use || !sheet) return 70;
  for (int64_t meter = 0; meter < METERS; meter++) {
    int64_t u = meter * 2654435761 % 4294967296 / 65536, v = (meter + 1) * 2246822519 % 4294967296 / 65536;
    int64_t total = 15000 + u * 135000 / 65536;
    use[3 * meter] = total;
    use[3 * meter + 1] = total * (20 + v % 41) / 100;
    use[3 * meter + 2] = total * (10 + v / 64 % 31) / 100;
  }
  double best = 1e9;
  int64_t sum = 0, lines = 0;
  for (int run = 0; run < 5; run++) {
    double began = seconds();
    sum = lines = 0;
    for (int64_t first = 0; first < METERS; first += 1024) {
      int64_t end = first + 1024 < METERS ? first + 1024 : METERS, at = 0;
      for (int64_t meter = first; meter < end; meter++) {
        int64_t quantity[LINES];
        quantities(use[3 * meter], use[3 * meter + 1], use[3 * meter + 2], quantity);
        for (int line = 0; line < LINES; line++) {
          int64_t amount = fen(quantity[line], prices[line]);
          sheet[at] = (struct line){quantity[line], prices[line], amount, line};
          at += quantity[line] > 0;
          sum += amount;
        }
      }
      lines += at;
      __asm__ volatile("" : : "r"(sheet) : "memory");
    }
    double took = seconds() - began;
    if (took < best) best = took;
  }
  int64_t digest = 0;
  for (int64_t meter = 0; meter < METERS; meter++) {
    int64_t quantity[LINES];
    quantities(use[3 * meter], use[3 * meter + 1], use[3 * meter + 2], quantity);
    for (int line = 0; line < LINES; line++)
      digest += (fen(quantity[line], prices[line]) * 31 + quantity[line]) * (2 * line + 3) % 1000003 * (meter % 9973 + 1);
  }
  printf("%.0f %lld %lld %lld\n", METERS / best, (long long)sum, (long long)lines, (long long)digest);
  return 0;
}
