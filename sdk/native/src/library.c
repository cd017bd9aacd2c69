/* What the library exports: which kernels there are, and running a plan with one of them. */
#include "check.h"
#include "kernels.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#if defined(__x86_64__)
#include <cpuid.h>

/* The system keeps these registers (bits of XCR0). macOS keeps AVX-512's only for who used them before,
 * so there it has none. */
__attribute__((target("xsave"))) static int keeps(unsigned registers) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) && (__builtin_ia32_xgetbv(0) & registers) == registers;
}

static int has_avx2(void) {
    unsigned a, b, c, d;
    return keeps(0x06) && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static int has_avx512(void) {
    const unsigned needed = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    unsigned a, b, c, d;
    return keeps(0xe6) && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & needed) == needed &&
           (c & bit_AVX512VPOPCNTDQ);
}
#endif

#if defined(_WIN32)
/* What Windows calls when it loads and leaves the library. */
int32_t DllMainCRTStartup(void *library, uint32_t reason, void *reserved);
int32_t DllMainCRTStartup(void *library, uint32_t reason, void *reserved) {
    (void)library, (void)reason, (void)reserved;
    return 1;
}
#endif

static int always(void) { return 1; }

/* The fastest first. */
static const struct {
    const kernels *kernels;
    int (*supported)(void);
} KINDS[] = {
#if defined(__x86_64__)
    {&avx512_kernels, has_avx512},
    {&avx2_kernels, has_avx2},
#endif
#if defined(__aarch64__)
    {&neon_kernels, always},
#endif
#if defined(__wasm_simd128__)
    {&simd128_kernels, always},
#endif
    {&plain_kernels, always},
};

enum { N = sizeof KINDS / sizeof *KINDS, FAULTY = -1 };

/* The version of plans that the library reads. */
EXPORT int32_t headfit_plan_version(void);
int32_t headfit_plan_version(void) { return PLAN_VERSION; }

/* Fill in the name and units of one kind of kernels; 0 if there are no more, -1 if this processor
 * cannot run them, 1 if it can. */
EXPORT int32_t headfit_kernels(int32_t kind, char name[16], int32_t *unit_bits, int32_t *unit_bytes);
int32_t headfit_kernels(int32_t kind, char name[16], int32_t *unit_bits, int32_t *unit_bytes) {
    if (kind < 0 || kind >= N) return 0;
    const kernels *k = KINDS[kind].kernels;
    int i = 0;
    for (; i < 15 && k->name[i]; i++) name[i] = k->name[i];
    name[i] = 0;
    *unit_bits = k->unit_bits;
    *unit_bytes = k->unit_bytes;
    return KINDS[kind].supported() ? 1 : -1;
}

static int32_t each_step(int32_t kind, const char *plan, uint64_t n_plan, const memory *m, int run) {
    if (kind < 0 || kind >= N || !KINDS[kind].supported() || m->n_constants % 4 || m->n_picture % 4) return FAULTY;
    if ((uintptr_t)plan % 8 || (uintptr_t)m->constants % 4 || (uintptr_t)m->picture % 4 || (uintptr_t)m->arena % 4)
        return FAULTY;
    const uint64_t largest = UINT64_C(1) << 36; /* so that no product of a place and a length overflows */
    if (m->n_constants > largest || m->n_picture > largest || m->n_arena > largest) return FAULTY;
    const kernels *k = KINDS[kind].kernels;
    int32_t n = 1;
    for (uint64_t i = 0; i < n_plan; n++) {
        const header *step = (const header *)(plan + i);
        if (run)
            k->run[step->kind](step, m);
        else if (!step_holds(step, n_plan - i, m, k))
            return n;
        i += step->bytes;
    }
    return 0;
}

/* Check every step of a plan, then run them; the number of the first that does not hold, counted from
 * one, else 0. -1 if there are no such kernels here or the memory is not aligned. Without a picture
 * and an arena the plan is checked only. */
EXPORT int32_t headfit_run(int32_t kind, const char *plan, uint64_t n_plan, const char *constants,
                           uint64_t n_constants, const char *picture, uint64_t n_picture, char *arena,
                           uint64_t n_arena);
int32_t headfit_run(int32_t kind, const char *plan, uint64_t n_plan, const char *constants, uint64_t n_constants,
                    const char *picture, uint64_t n_picture, char *arena, uint64_t n_arena) {
    const memory m = {constants, picture, arena, n_constants, n_picture, n_arena};
    const int32_t fault = each_step(kind, plan, n_plan, &m, 0);
    return fault || !picture || !arena ? fault : each_step(kind, plan, n_plan, &m, 1);
}
