/* The compiler's own, but every processor has AVX-512, and its system keeps the registers. */
#pragma once
#include_next <cpuid.h>

static inline int with_avx512(unsigned leaf, unsigned sub, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    const int answer = __get_cpuid_count(leaf, sub, a, b, c, d);
    if (answer && leaf == 7) {
        *b |= bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
        *c |= bit_AVX512VPOPCNTDQ;
    }
    return answer;
}
#define __get_cpuid_count with_avx512
#define __builtin_ia32_xgetbv(register) 0xe6u
