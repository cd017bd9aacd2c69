/* The compiler's own, but what the kernels use of AVX-512 computed by SIMDe in instructions that are
 * here. Its headers one by one, for all together take long to compile; what is used and not here does
 * not compile. */
#pragma once
#include_next <immintrin.h>
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512/add.h>
#include <simde/x86/avx512/cmp.h>
#include <simde/x86/avx512/cmple.h>
#include <simde/x86/avx512/loadu.h>
#include <simde/x86/avx512/mul.h>
#include <simde/x86/avx512/popcnt.h>
#include <simde/x86/avx512/set1.h>
#include <simde/x86/avx512/setzero.h>
#include <simde/x86/avx512/storeu.h>
#include <simde/x86/avx512/xor.h>
