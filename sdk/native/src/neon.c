/* Kernels for 64-bit ARM, whose vectors count the bits of every byte: a unit is a byte, so eight
 * channels; xor, count and addition are three instructions for 128 binary multiply-adds. */
#if defined(__aarch64__)
#include "kernels.h"

#include <arm_neon.h>

#define KERNELS neon_kernels
#define NAME "neon"
enum { UNIT_BITS = 8, UNIT_BYTES = 1, STEPS = 31 };

#include "pieces.h"

static void spread(const uint32_t *words, int64_t n, char *units) { memcpy(units, words, (size_t)n * 4); }

static inline uint8x16_t differing(uint8x16_t sum, uint8x16_t x, uint8x16_t filter) {
    return vaddq_u8(sum, vcntq_u8(veorq_u8(x, filter)));
}

static inline void add_wide(uint16_t *sums, uint8x16_t bytes, int begun) {
    uint16x8_t low = begun ? vld1q_u16(sums) : vdupq_n_u16(0), high = begun ? vld1q_u16(sums + 8) : vdupq_n_u16(0);
    vst1q_u16(sums, vaddw_u8(low, vget_low_u8(bytes)));
    vst1q_u16(sums + 8, vaddw_u8(high, vget_high_u8(bytes)));
}

INLINE void counts_of(int blocks, const char *const x[TILE], const piece *p, const uint8_t *filters, int64_t pitch,
                      uint16_t (*sums)[WIDE], int begun) {
    uint8x16_t sum[TILE][4];
    for (int t = 0; t < TILE; t++)
        for (int c = 0; c < 2 * blocks; c++) sum[t][c] = vdupq_n_u8(0);
    for (int64_t r = 0; r < p->n_runs; r++)
        for (int64_t k = 0; k < p->length; k++, filters += LANES) {
            uint8x16_t f[4];
            for (int c = 0; c < 2 * blocks; c++) f[c] = vld1q_u8(filters + c / 2 * pitch + c % 2 * 16);
            for (int t = 0; t < TILE; t++) {
                uint8x16_t v = vld1q_dup_u8((const uint8_t *)x[t] + p->offsets[r] + k);
                for (int c = 0; c < 2 * blocks; c++) sum[t][c] = differing(sum[t][c], v, f[c]);
            }
        }
    for (int t = 0; t < TILE; t++)
        for (int c = 0; c < 2 * blocks; c++) add_wide(sums[t] + 16 * c, sum[t][c], begun);
}

static void counts(const char *const x[TILE], const piece *p, const char *filters, int64_t pitch, int wide,
                   uint16_t (*sums)[WIDE], int begun) {
    if (wide == 2)
        counts_of(2, x, p, (const uint8_t *)filters, pitch, sums, begun);
    else
        counts_of(1, x, p, (const uint8_t *)filters, pitch, sums, begun);
}

static uint32_t sign_word(const float *x) {
    static const uint32_t places[4] = {1, 2, 4, 8};
    const uint32x4_t place = vld1q_u32(places);
    uint32_t word = 0;
    for (int i = 0; i < 8; i++) word |= vaddvq_u32(vandq_u32(vcltzq_f32(vld1q_f32(x + 4 * i)), place)) << 4 * i;
    return word;
}

static uint32_t reached_word(const uint16_t *sums, const uint16_t *limits) {
    static const uint16_t places[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t place = vld1q_u16(places);
    uint32_t word = 0;
    for (int i = 0; i < 4; i++)
        word |= (uint32_t)vaddvq_u16(vandq_u16(vcgeq_u16(vld1q_u16(sums + 8 * i), vld1q_u16(limits + 8 * i)), place))
                << 8 * i;
    return word;
}

#include "kernels.inc"
#endif
