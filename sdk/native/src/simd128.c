/* Kernels for WebAssembly, whose vectors count the bits of every byte: a unit is a byte, so eight
 * channels. Where the processor beneath can count them too (ARM), a browser makes one instruction of it. */
#if defined(__wasm_simd128__)
#include "kernels.h"

#include <wasm_simd128.h>

#define KERNELS simd128_kernels
#define NAME "simd128"
enum { UNIT_BITS = 8, UNIT_BYTES = 1, STEPS = 31 };

#include "pieces.h"

static void spread(const uint32_t *words, int64_t n, char *units) { memcpy(units, words, (size_t)n * 4); }

static inline v128_t differing(v128_t sum, v128_t x, v128_t filter) {
    return wasm_i8x16_add(sum, wasm_i8x16_popcnt(wasm_v128_xor(x, filter)));
}

static inline void add_wide(uint16_t *sums, v128_t bytes, int begun) {
    v128_t low = wasm_u16x8_extend_low_u8x16(bytes), high = wasm_u16x8_extend_high_u8x16(bytes);
    wasm_v128_store(sums, begun ? wasm_i16x8_add(wasm_v128_load(sums), low) : low);
    wasm_v128_store(sums + 8, begun ? wasm_i16x8_add(wasm_v128_load(sums + 8), high) : high);
}

/* One block of 32 filters: eight sums, which leave registers for the rest on x86 too. */
static void counts_of_block(const char *const x[TILE], const piece *p, const uint8_t *filters,
                            uint16_t (*sums)[WIDE], int64_t channel, int begun) {
    v128_t sum[TILE][2];
    for (int t = 0; t < TILE; t++) sum[t][0] = sum[t][1] = wasm_i8x16_splat(0);
    for (int64_t r = 0; r < p->n_runs; r++)
        for (int64_t k = 0; k < p->length; k++, filters += LANES) {
            const v128_t f0 = wasm_v128_load(filters), f1 = wasm_v128_load(filters + 16);
            for (int t = 0; t < TILE; t++) {
                const v128_t v = wasm_v128_load8_splat(x[t] + p->offsets[r] + k);
                sum[t][0] = differing(sum[t][0], v, f0);
                sum[t][1] = differing(sum[t][1], v, f1);
            }
        }
    for (int t = 0; t < TILE; t++)
        for (int c = 0; c < 2; c++) add_wide(sums[t] + channel + 16 * c, sum[t][c], begun);
}

static void counts(const char *const x[TILE], const piece *p, const char *filters, int64_t pitch, int wide,
                   uint16_t (*sums)[WIDE], int begun) {
    for (int b = 0; b < wide; b++)
        counts_of_block(x, p, (const uint8_t *)filters + b * pitch, sums, b * LANES, begun);
}

static uint32_t sign_word(const float *x) {
    const v128_t zero = wasm_f32x4_splat(0);
    uint32_t word = 0;
    for (int i = 0; i < 8; i++) word |= wasm_i32x4_bitmask(wasm_f32x4_lt(wasm_v128_load(x + 4 * i), zero)) << 4 * i;
    return word;
}

static uint32_t reached_word(const uint16_t *sums, const uint16_t *limits) {
    uint32_t word = 0;
    for (int i = 0; i < 4; i++)
        word |= wasm_i16x8_bitmask(wasm_u16x8_ge(wasm_v128_load(sums + 8 * i), wasm_v128_load(limits + 8 * i)))
                << 8 * i;
    return word;
}

#include "kernels.inc"
#endif
