/* The kernels in plain C, for any processor; every other kind is tested against them. */
#include "kernels.h"



#define KERNELS plain_kernels
#define NAME "plain"
enum { UNIT_BITS = 32, UNIT_BYTES = 4, STEPS = 31 };

#include "pieces.h"

typedef uint32_t words4 __attribute__((vector_size(16), aligned(4), may_alias));

static void spread(const uint32_t *words, int64_t n, char *units) { memcpy(units, words, (size_t)n * 4); }

/* Ones of every byte: pairs of bits are added, then nibbles. */
static inline words4 ones_of_bytes(words4 v) {
    v = v - (v >> 1 & 0x55555555);
    v = (v & 0x33333333) + (v >> 2 & 0x33333333);
    return (v + (v >> 4)) & 0x0f0f0f0f;
}

static void counts(const char *const x[TILE], const piece *p, const char *filters, int64_t pitch, int wide,
                   uint16_t (*sums)[WIDE], int begun) {
    for (int t = 0; t < TILE; t++)
        for (int c = 0; c < wide * LANES; c += 4) {
            const char *f = filters + c / LANES * pitch + c % LANES * 4;
            words4 bytes = {0, 0, 0, 0};
            for (int64_t r = 0; r < p->n_runs; r++) {
                const uint32_t *words = (const uint32_t *)(x[t] + p->offsets[r]);
                for (int64_t k = 0; k < p->length; k++, f += LANES * 4) {
                    words4 v = {words[k], words[k], words[k], words[k]};
                    bytes = bytes + ones_of_bytes(v ^ *(const words4 *)f);
                }
            }
            bytes = (bytes & 0x00ff00ff) + (bytes >> 8 & 0x00ff00ff);
            bytes = (bytes + (bytes >> 16)) & 0xffff;
            for (int l = 0; l < 4; l++) sums[t][c + l] = (uint16_t)((begun ? sums[t][c + l] : 0) + bytes[l]);
        }
}

static uint32_t sign_word(const float *x) {
    uint32_t word = 0;
    for (int i = 0; i < LANES; i++) word |= (uint32_t)(x[i] < 0) << i;
    return word;
}

static uint32_t reached_word(const uint16_t *sums, const uint16_t *limits) {
    uint32_t word = 0;
    for (int i = 0; i < LANES; i++) word |= (uint32_t)(sums[i] >= limits[i]) << i;
    return word;
}

#include "kernels.inc"
