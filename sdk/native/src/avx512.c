/* Kernels for x86-64 with AVX-512 and its VPOPCNTDQ, which counts the bits of 16 words at once: a unit
 * is a word, so 32 channels; xor, count and addition are three instructions for 512 binary
 * multiply-adds. */
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#define KERNELS avx512_kernels
#define NAME "avx512"
enum { UNIT_BITS = 32, UNIT_BYTES = 4, STEPS = 64 }; /* 16 kB of filters */

#include "pieces.h"

typedef uint32_t u32x16 __attribute__((vector_size(64), may_alias));
typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));

static void spread(const uint32_t *words, int64_t n, char *units) { memcpy(units, words, (size_t)n * 4); }

INLINE void counts_of(int blocks, const char *const x[TILE], const piece *p, const char *filters, int64_t pitch,
                      uint16_t (*sums)[WIDE], int begun) {
    __m512i sum[TILE][4];
    for (int t = 0; t < TILE; t++)
        for (int c = 0; c < 2 * blocks; c++) sum[t][c] = _mm512_setzero_si512();
    for (int64_t r = 0; r < p->n_runs; r++)
        for (int64_t k = 0; k < p->length; k++, filters += LANES * UNIT_BYTES) {
            __m512i f[4];
            for (int c = 0; c < 2 * blocks; c++) f[c] = _mm512_loadu_si512(filters + c / 2 * pitch + c % 2 * 64);
            for (int t = 0; t < TILE; t++) {
                const __m512i v = _mm512_set1_epi32(((const int32_t *)(x[t] + p->offsets[r]))[k]);
                for (int c = 0; c < 2 * blocks; c++)
                    sum[t][c] = _mm512_add_epi32(sum[t][c], _mm512_popcnt_epi32(_mm512_xor_si512(v, f[c])));
            }
        }
    for (int t = 0; t < TILE; t++)
        for (int c = 0; c < 2 * blocks; c++) {
            u16x16 *to = (u16x16 *)(sums[t] + 16 * c);
            const u16x16 narrow = __builtin_convertvector((u32x16)sum[t][c], u16x16);
            *to = narrow + (begun ? *to : (u16x16){0});
        }
}

static void counts(const char *const x[TILE], const piece *p, const char *filters, int64_t pitch, int wide,
                   uint16_t (*sums)[WIDE], int begun) {
    if (wide == 2)
        counts_of(2, x, p, filters, pitch, sums, begun);
    else
        counts_of(1, x, p, filters, pitch, sums, begun);
}

static uint32_t sign_word(const float *x) {
    const __m512 zero = _mm512_setzero_ps();
    const uint32_t high = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + 16), zero, _CMP_LT_OQ);
    return high << 16 | _mm512_cmp_ps_mask(_mm512_loadu_ps(x), zero, _CMP_LT_OQ);
}

static uint32_t reached_word(const uint16_t *sums, const uint16_t *limits) {
    return _mm512_cmple_epu16_mask(_mm512_loadu_si512(limits), _mm512_loadu_si512(sums));
}

#define OWN_PRODUCTS
static void products(const char *const x[TILE], const piece *p, const float *filters, float (*sums)[FLOAT_LANES],
                     int begun) {
    __m512 sum[TILE];
    for (int t = 0; t < TILE; t++) sum[t] = begun ? _mm512_loadu_ps(sums[t]) : _mm512_setzero_ps();
    for (int64_t r = 0; r < p->n_runs; r++)
        for (int64_t k = 0; k < p->length; k++, filters += FLOAT_LANES) {
            const __m512 f = _mm512_loadu_ps(filters);
            for (int t = 0; t < TILE; t++) {
                const __m512 v = _mm512_set1_ps(((const float *)(x[t] + p->offsets[r]))[k]);
                sum[t] = _mm512_add_ps(sum[t], _mm512_mul_ps(v, f));
            }
        }
    for (int t = 0; t < TILE; t++) _mm512_storeu_ps(sums[t], sum[t]);
}

#include "kernels.inc"
#endif
