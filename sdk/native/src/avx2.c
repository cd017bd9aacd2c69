/* Kernels for x86-64 with AVX2.
 *
 * Binary convolutions look products up. Four channels of a place choose one of 16 tables of 16
 * bytes: how many of its bits differ from 0, 1, ... 15. One shuffle then looks up four channels of
 * 32 filters, one addition sums them: 64 binary multiply-adds an instruction, where xor, two masked
 * lookups of nibbles and their sums are 32.
 */
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>


#define KERNELS avx2_kernels
#define NAME "avx2"
enum { UNIT_BITS = 4, UNIT_BYTES = 1, STEPS = 63 };

#include "pieces.h"

/* A row for every nibble; a unit is the nibble times 16, its row's place. */
#define ROW(x)                                                                                                 \
    ONES(x ^ 0), ONES(x ^ 1), ONES(x ^ 2), ONES(x ^ 3), ONES(x ^ 4), ONES(x ^ 5), ONES(x ^ 6), ONES(x ^ 7),    \
        ONES(x ^ 8), ONES(x ^ 9), ONES(x ^ 10), ONES(x ^ 11), ONES(x ^ 12), ONES(x ^ 13), ONES(x ^ 14),        \
        ONES(x ^ 15)
#define ONES(n) (((n) & 1) + ((n) >> 1 & 1) + ((n) >> 2 & 1) + ((n) >> 3 & 1))
static const char TABLES[18 * 16] __attribute__((aligned(64))) = {
    ROW(0), ROW(1), ROW(2),  ROW(3),  ROW(4),  ROW(5),  ROW(6),  ROW(7),
    ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15),
}; /* and 32 bytes more: no byte can lead outside */

static void spread(const uint32_t *words, int64_t n, char *units) {
    const __m128i high = _mm_set1_epi8((char)0xf0);
    int64_t i = 0;
    for (; i + 2 <= n; i += 2, units += 16) {
        __m128i pairs = _mm_loadl_epi64((const __m128i *)(words + i));
        __m128i low = _mm_and_si128(_mm_slli_epi16(pairs, 4), high);
        _mm_storeu_si128((__m128i *)units, _mm_unpacklo_epi8(low, _mm_and_si128(pairs, high)));
    }
    if (i < n)
        for (int k = 0; k < 8; k++) units[k] = (char)(words[i] >> 4 * k << 4);
}

#define ADD_WIDE(sums, bytes)                                                                    \
    do {                                                                                         \
        __m256i low = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(bytes));                       \
        __m256i high = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(bytes, 1));                 \
        __m256i *to = (__m256i *)(sums);                                                         \
        _mm256_storeu_si256(to, begun ? _mm256_add_epi16(_mm256_loadu_si256(to), low) : low);    \
        to++;                                                                                    \
        _mm256_storeu_si256(to, begun ? _mm256_add_epi16(_mm256_loadu_si256(to), high) : high);  \
    } while (0)

#define LOOK_UP(sum, table, filter) sum = _mm256_add_epi8(sum, _mm256_shuffle_epi8(table, filter))
#define TABLE(unit) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(TABLES + (uint8_t)(unit))))

static void counts(const char *const x[TILE], const piece *p, const char *filters, int64_t pitch, int wide,
                   uint16_t (*sums)[WIDE], int begun) {
    __m256i a0 = _mm256_setzero_si256(), b0 = a0, c0 = a0, d0 = a0, a1 = a0, b1 = a0, c1 = a0, d1 = a0;
    for (int64_t r = 0; r < p->n_runs; r++) {
        const char *a = x[0] + p->offsets[r], *b = x[1] + p->offsets[r];
        const char *c = x[2] + p->offsets[r], *d = x[3] + p->offsets[r];
        if (wide == 2)
            for (int64_t k = 0; k < p->length; k++, filters += LANES) {
                __m256i f0 = _mm256_loadu_si256((const __m256i *)filters);
                __m256i f1 = _mm256_loadu_si256((const __m256i *)(filters + pitch));
                __m256i table;
                table = TABLE(a[k]), LOOK_UP(a0, table, f0), LOOK_UP(a1, table, f1);
                table = TABLE(b[k]), LOOK_UP(b0, table, f0), LOOK_UP(b1, table, f1);
                table = TABLE(c[k]), LOOK_UP(c0, table, f0), LOOK_UP(c1, table, f1);
                table = TABLE(d[k]), LOOK_UP(d0, table, f0), LOOK_UP(d1, table, f1);
            }
        else
            for (int64_t k = 0; k < p->length; k++, filters += LANES) {
                __m256i f0 = _mm256_loadu_si256((const __m256i *)filters);
                LOOK_UP(a0, TABLE(a[k]), f0), LOOK_UP(b0, TABLE(b[k]), f0);
                LOOK_UP(c0, TABLE(c[k]), f0), LOOK_UP(d0, TABLE(d[k]), f0);
            }
    }
    ADD_WIDE(sums[0], a0);
    ADD_WIDE(sums[1], b0);
    ADD_WIDE(sums[2], c0);
    ADD_WIDE(sums[3], d0);
    if (wide == 2) {
        ADD_WIDE(sums[0] + LANES, a1);
        ADD_WIDE(sums[1] + LANES, b1);
        ADD_WIDE(sums[2] + LANES, c1);
        ADD_WIDE(sums[3] + LANES, d1);
    }
}

static uint32_t sign_word(const float *x) {
    const __m256 zero = _mm256_setzero_ps();
    uint32_t word = 0;
    for (int i = 0; i < 4; i++)
        word |= (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + 8 * i), zero, _CMP_LT_OQ)) << 8 * i;
    return word;
}

static uint32_t reached_word(const uint16_t *sums, const uint16_t *limits) {
    const __m256i *s = (const __m256i *)sums, *t = (const __m256i *)limits;
    __m256i low = _mm256_loadu_si256(s), high = _mm256_loadu_si256(s + 1);
    low = _mm256_cmpeq_epi16(_mm256_max_epu16(low, _mm256_loadu_si256(t)), low);
    high = _mm256_cmpeq_epi16(_mm256_max_epu16(high, _mm256_loadu_si256(t + 1)), high);
    __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
    return (uint32_t)_mm256_movemask_epi8(bytes);
}

#include "kernels.inc"
#endif
