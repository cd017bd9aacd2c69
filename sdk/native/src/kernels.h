/* What the kernels of every kind of processor share. */
#ifndef HEADFIT_KERNELS_H
#define HEADFIT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "plan.h"

typedef struct {
    const char *constants;
    const char *picture;
    char *arena;
    uint64_t n_constants, n_picture, n_arena;
} memory;

static inline char *at(const memory *m, address where) {
    if (where < m->n_constants) return (char *)m->constants + where;
    where -= m->n_constants;
    if (where < m->n_picture) return (char *)m->picture + where;
    return m->arena + (where - m->n_picture);
}

typedef void kernel(const header *step, const memory *m);

/* The kernels of one kind of processor. Binary convolutions compare units of `unit_bits` channels,
 * kept in `unit_bytes`. */
typedef struct {
    const char *name;
    int32_t unit_bits, unit_bytes;
    kernel *run[N_KINDS];
} kernels;

/* From memory.c: there is no libc. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int value, size_t n);

extern const kernels plain_kernels, avx2_kernels, avx512_kernels, neon_kernels, simd128_kernels;

/* The picture that a convolution reads, with its border, in places. */
typedef struct {
    int64_t height, width;
} extent;

static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t padded_length(int64_t in, int64_t out, int64_t size, int64_t stride, int64_t dilation,
                                    int64_t before) {
    return larger((out - 1) * stride + (size - 1) * dilation + 1, before + in);
}

static inline extent padded_extent(const window *w) {
    return (extent){
        padded_length(w->in_h, w->out_h, w->size_h, w->stride_h, w->dilation_h, w->before_h),
        padded_length(w->in_w, w->out_w, w->size_w, w->stride_w, w->dilation_w, w->before_w),
    };
}

static inline int64_t blocks_of(int64_t n, int64_t size) { return (n + size - 1) / size; }

#endif
