/* What a window sees, in pieces that the innermost loops take. */
#ifndef HEADFIT_PIECES_H
#define HEADFIT_PIECES_H

#include <stdint.h>

#include "plan.h"

#define INLINE static inline __attribute__((always_inline))

enum { TILE = 4, CHUNK = 64, WIDE = 2 * LANES, MAX_RUNS = 64, FLOAT_STEPS = 256 };

/* Some runs of equal length: what is contiguous both in a window and in memory. */
typedef struct {
    int64_t offsets[MAX_RUNS];
    int64_t n_runs, length;
} piece;

/* All that a window sees, cut into pieces of at most `steps` units. */
typedef struct {
    int64_t n_runs, length, steps, unit;
    int64_t per_row, row, column;
    int64_t run, start;
} walk;

#endif
