/* Every number of a plan, before anything is read or written by it. */
#include "check.h"

enum { LARGEST = 1 << 24, LONGEST_SUM = 65535 };

static int within(int64_t value, int64_t low, int64_t high) { return low <= value && value <= high; }

/* A product that stays UINT64_MAX once it is too large. */
static uint64_t times(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Whether `bytes` from `where` on lie in one of constants, picture, arena; floats and words begin at
 * multiples of four. */
static int lies(address where, uint64_t bytes, uint64_t start, uint64_t size) {
    return where >= start && where - start <= size && bytes <= size - (where - start);
}

static int writes(const memory *m, address where, uint64_t bytes) {
    return where % 4 == 0 && lies(where, bytes, m->n_constants + m->n_picture, m->n_arena);
}

static int reads(const memory *m, address where, uint64_t bytes) {
    return where % 4 == 0 && (lies(where, bytes, 0, m->n_constants) || writes(m, where, bytes) ||
                              lies(where, bytes, m->n_constants, m->n_picture));
}

static int window_holds(const window *w) {
    const int32_t lengths[] = {w->in_h,     w->in_w,     w->out_h,      w->out_w,     w->size_h,
                               w->size_w,   w->stride_h, w->stride_w,   w->dilation_h, w->dilation_w};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (!within(lengths[i], 1, LARGEST)) return 0;
    return within(w->before_h, 0, LARGEST) && within(w->before_w, 0, LARGEST);
}

static uint64_t ins(const window *w) { return times((uint64_t)w->in_h, (uint64_t)w->in_w); }
static uint64_t outs(const window *w) { return times((uint64_t)w->out_h, (uint64_t)w->out_w); }
static uint64_t area(const window *w) { return times((uint64_t)w->size_h, (uint64_t)w->size_w); }
static uint64_t padded(const window *w) {
    extent e = padded_extent(w);
    return times((uint64_t)e.height, (uint64_t)e.width);
}

static int pack_holds(const pack_step *s, const memory *m) {
    if (!within(s->channels, 1, LARGEST) || !within(s->type, FLOAT, BYTE)) return 0;
    uint64_t elements = times(s->rows, (uint64_t)s->channels);
    return reads(m, s->x, s->type == FLOAT ? times(elements, 4) : elements) &&
           writes(m, s->y, times(s->rows, 4 * (uint64_t)blocks_of(s->channels, LANES)));
}

static int unpack_holds(const unpack_step *s, const memory *m) {
    if (!within(s->channels, 1, LARGEST) || !within(s->type, FLOAT, BYTE)) return 0;
    uint64_t elements = times(s->rows, (uint64_t)s->channels);
    return reads(m, s->x, times(s->rows, 4 * (uint64_t)blocks_of(s->channels, LANES))) &&
           writes(m, s->y, s->type == FLOAT ? times(elements, 4) : elements);
}

static int binary_convolution_holds(const binary_convolution_step *s, const memory *m, const kernels *k) {
    const window *w = &s->window;
    if (!window_holds(w) || !within(s->groups, 1, LARGEST) || !within(s->words, 1, LARGEST) ||
        s->words % s->groups || !within(s->group_filters, 1, LARGEST) || !within(s->type, FLOAT, BITS))
        return 0;
    const uint64_t window_words = times(area(w), (uint64_t)(s->words / s->groups));
    if (times(window_words, LANES) > LONGEST_SUM) return 0;
    const uint64_t word = (uint64_t)(LANES / k->unit_bits * k->unit_bytes), places = outs(w);
    const uint64_t lanes = times((uint64_t)s->groups, LANES * (uint64_t)blocks_of(s->group_filters, LANES));
    const uint64_t all = times((uint64_t)s->groups, (uint64_t)s->group_filters);
    const uint64_t bits = times(places, times(4, all / LANES + (all % LANES > 0)));
    const uint64_t floats = times(places, times(4, all));
    const uint64_t y = s->type == FLOAT ? floats : s->type == BITS ? bits : times(places, all);
    if (!reads(m, s->x, times(ins(w), times(4, (uint64_t)s->words))) || !writes(m, s->y, y) ||
        !reads(m, s->filters, times(lanes, times(window_words, word))) ||
        !writes(m, s->scratch, times(padded(w), times((uint64_t)s->words, word))))
        return 0;
    if (s->type == BITS)
        return reads(m, s->limits, times(lanes, 2)) && s->signs == NOWHERE;
    return reads(m, s->multiplier, times(lanes, 4)) && reads(m, s->bias, times(lanes, 4)) &&
           (s->type == FLOAT || s->signs == NOWHERE) &&
           (s->correction == NOWHERE || reads(m, s->correction, floats)) &&
           (s->residual == NOWHERE || reads(m, s->residual, floats)) &&
           (s->signs == NOWHERE || writes(m, s->signs, bits));
}

static int convolution_holds(const convolution_step *s, const memory *m) {
    const window *w = &s->window;
    if (!window_holds(w) || !within(s->depth, 1, LARGEST) || !within(s->groups, 1, LARGEST) ||
        !within(s->group_filters, 1, LARGEST))
        return 0;
    const uint64_t channels = times((uint64_t)s->depth, (uint64_t)s->groups);
    const uint64_t lanes =
        times((uint64_t)s->groups, FLOAT_LANES * (uint64_t)blocks_of(s->group_filters, FLOAT_LANES));
    const extent e = padded_extent(w);
    const int fits = e.height == w->in_h && e.width == w->in_w && !w->before_h && !w->before_w;
    return reads(m, s->x, times(ins(w), times(4, channels))) &&
           writes(m, s->y, times(outs(w), times(4, times((uint64_t)s->groups, (uint64_t)s->group_filters)))) &&
           reads(m, s->filters, times(lanes, times(4, times(area(w), (uint64_t)s->depth)))) &&
           reads(m, s->bias, times(lanes, 4)) &&
           (s->scratch == NOWHERE ? fits : writes(m, s->scratch, times(padded(w), times(4, channels))));
}

static int depthwise_convolution_holds(const depthwise_convolution_step *s, const memory *m) {
    const window *w = &s->window;
    if (!window_holds(w) || !within(s->channels, 1, LARGEST) || !within(s->multiple, 1, LARGEST)) return 0;
    const uint64_t filters = times(4, times((uint64_t)s->channels, (uint64_t)s->multiple));
    return reads(m, s->x, times(ins(w), times(4, (uint64_t)s->channels))) &&
           writes(m, s->y, times(outs(w), filters)) && reads(m, s->filters, times(area(w), filters)) &&
           reads(m, s->bias, filters);
}

static int pool_holds(const pool_step *s, const memory *m) {
    const window *w = &s->window;
    return window_holds(w) && within(s->channels, 1, LARGEST) && within(s->pooling, POOL_MAX, POOL_BITS) &&
           reads(m, s->x, times(ins(w), times(4, (uint64_t)s->channels))) &&
           writes(m, s->y, times(outs(w), times(4, (uint64_t)s->channels)));
}

static int mean_holds(const mean_step *s, const memory *m) {
    return s->outer && s->count && s->inner &&
           reads(m, s->x, times(4, times(s->outer, times(s->count, s->inner)))) &&
           writes(m, s->y, times(4, times(s->outer, s->inner)));
}

/* How many elements strides reach over; UINT64_MAX where they are out of bounds. */
static uint64_t reach(const int32_t *dims, const int32_t *strides) {
    uint64_t last = 0;
    for (int i = 0; i < DIMS; i++) {
        if (!within(dims[i], 1, 1 << 28) || !within(strides[i], 0, 1 << 28)) return UINT64_MAX;
        last += (uint64_t)(dims[i] - 1) * (uint64_t)strides[i];
    }
    return last + 1;
}

static uint64_t size_of(const int32_t *dims) {
    uint64_t n = 1;
    for (int i = 0; i < DIMS; i++) n = times(n, within(dims[i], 1, 1 << 28) ? (uint64_t)dims[i] : UINT64_MAX);
    return n;
}

static int broadcast_holds(const broadcast_step *s, const memory *m) {
    return within(s->operation, ADD, DIVIDE) &&
           reads(m, s->a, times(s->operation == SELECT ? 1 : 4, reach(s->dims, s->a_strides))) &&
           reads(m, s->b, times(4, reach(s->dims, s->b_strides))) &&
           (s->operation != SELECT || reads(m, s->c, times(4, reach(s->dims, s->c_strides)))) &&
           writes(m, s->y, times(s->operation == LESS ? 1 : 4, size_of(s->dims)));
}

static int map_holds(const map_step *s, const memory *m) {
    return within(s->mapping, CLAMP, SQUARE_ROOT) && within(s->zero, -128, 127) &&
           reads(m, s->x, s->mapping == DEQUANTIZE ? s->n : times(4, s->n)) &&
           writes(m, s->y, s->mapping == QUANTIZE ? s->n : times(4, s->n));
}

static int softmax_holds(const softmax_step *s, const memory *m) {
    return within(s->channels, 1, LARGEST) && reads(m, s->x, times(4, times(s->rows, (uint64_t)s->channels))) &&
           writes(m, s->y, times(4, times(s->rows, (uint64_t)s->channels)));
}

static int copy_holds(const copy_step *s, const memory *m) {
    return (s->element == 1 || s->element == 4) && times((uint64_t)s->element, size_of(s->dims)) <= m->n_arena &&
           reads(m, s->x, times((uint64_t)s->element, reach(s->dims, s->x_strides))) &&
           writes(m, s->y, times((uint64_t)s->element, reach(s->dims, s->y_strides)));
}

static int fill_holds(const fill_step *s, const memory *m) { return writes(m, s->y, times(4, s->n)); }

static const uint32_t SIZES[N_KINDS] = {
    [PACK] = sizeof(pack_step),
    [UNPACK] = sizeof(unpack_step),
    [BINARY_CONVOLUTION] = sizeof(binary_convolution_step),
    [CONVOLUTION] = sizeof(convolution_step),
    [DEPTHWISE_CONVOLUTION] = sizeof(depthwise_convolution_step),
    [POOL] = sizeof(pool_step),
    [MEAN] = sizeof(mean_step),
    [BROADCAST] = sizeof(broadcast_step),
    [MAP] = sizeof(map_step),
    [SOFTMAX] = sizeof(softmax_step),
    [COPY] = sizeof(copy_step),
    [FILL] = sizeof(fill_step),
};

int step_holds(const header *step, uint64_t left, const memory *m, const kernels *k) {
    if (left < sizeof *step || step->kind >= N_KINDS || step->bytes != SIZES[step->kind] || step->bytes > left)
        return 0;
    const void *s = step;
    switch (step->kind) {
    case PACK: return pack_holds(s, m);
    case UNPACK: return unpack_holds(s, m);
    case BINARY_CONVOLUTION: return binary_convolution_holds(s, m, k);
    case CONVOLUTION: return convolution_holds(s, m);
    case DEPTHWISE_CONVOLUTION: return depthwise_convolution_holds(s, m);
    case POOL: return pool_holds(s, m);
    case MEAN: return mean_holds(s, m);
    case BROADCAST: return broadcast_holds(s, m);
    case MAP: return map_holds(s, m);
    case SOFTMAX: return softmax_holds(s, m);
    case COPY: return copy_holds(s, m);
    case FILL: return fill_holds(s, m);
    }
    return 0;
}
