/* What Python hands over: a network as a list of steps, each a struct of fixed size.
 *
 * headfit/engines/native/plan.py has the same structs; a test compares sizes and version. Every
 * number in a plan is checked here again (check.c) before anything is read or written by it.
 */
#ifndef HEADFIT_PLAN_H
#define HEADFIT_PLAN_H

#include <stdint.h>

enum { PLAN_VERSION = 1 };

/* A place in memory: constants first, the picture after them, then the arena, in one line. */
typedef uint64_t address;
#define NOWHERE UINT64_MAX

enum kind {
    PACK,
    UNPACK,
    BINARY_CONVOLUTION,
    CONVOLUTION,
    DEPTHWISE_CONVOLUTION,
    POOL,
    MEAN,
    BROADCAST,
    MAP,
    SOFTMAX,
    COPY,
    FILL,
    N_KINDS
};

/* Types of elements. BITS are words of 32 channels, a 1 bit for -1. */
enum type { FLOAT, BYTE, BITS };
enum pooling { POOL_MAX, POOL_AVERAGE, POOL_BITS };
enum operation { ADD, SUBTRACT, MULTIPLY, LESS, SELECT, PRELU, DIVIDE };
enum mapping { CLAMP, ABSOLUTE, LOGISTIC, QUANTIZE, DEQUANTIZE, SQUARE_ROOT };

enum { LANES = 32, FLOAT_LANES = 16, DIMS = 4 };

typedef struct {
    uint32_t kind;
    uint32_t bytes;
} header;

/* A window that slides over height and width, as TFLite's ComputePaddingHeightWidth has it. */
typedef struct {
    int32_t in_h, in_w, out_h, out_w;
    int32_t size_h, size_w, stride_h, stride_w;
    int32_t dilation_h, dilation_w, before_h, before_w;
} window;

/* y = bits of x < 0 (float) or x < limit (byte). */
typedef struct {
    header head;
    address x, y;
    uint64_t rows;
    int32_t channels, type, limit, unused;
} pack_step;

/* y = minus where the bit is 1, plus elsewhere. */
typedef struct {
    header head;
    address x, y;
    uint64_t rows;
    int32_t channels, type, plus, minus;
} unpack_step;

/* LceBconv2d, and what may follow it: count = popcount(x xor filter), then
 *   FLOAT  y = clamp(clamp(2 count) * multiplier + bias + correction + residual)
 *   BYTE   y = round(clamp(2 count) * multiplier + bias), saturated
 *   BITS   y = count >= limit
 * filters: for every group [blocks of 32 filters][units of a window][32] in the units of the kernels
 * that will run. multiplier, bias (float) and limits (uint16) have 32 per block. signs: the bits of
 * y < 0 as well. scratch: the picture padded and spread into units.
 */
typedef struct {
    header head;
    address x, y, filters, multiplier, bias, limits, correction, residual, signs, scratch;
    float low, high, sum_low, sum_high;
    window window;
    int32_t words, groups, group_filters, type;
} binary_convolution_step;

/* y = clamp(sum of x * filter + bias). filters: [group][blocks of 16][window * depth][16]; bias: 16
 * per block. scratch is NOWHERE if the window never leaves the picture. */
typedef struct {
    header head;
    address x, y, filters, bias, scratch;
    float low, high;
    window window;
    int32_t depth, groups, group_filters, unused;
} convolution_step;

/* filters: [window][channels * multiple]; bias: [channels * multiple]. */
typedef struct {
    header head;
    address x, y, filters, bias;
    float low, high;
    window window;
    int32_t channels, multiple;
} depthwise_convolution_step;

/* Places outside the picture do not count. channels: words for POOL_BITS. */
typedef struct {
    header head;
    address x, y;
    float low, high;
    window window;
    int32_t channels, pooling;
} pool_step;

/* y[outer][inner] = mean of x[outer][count][inner] over count. */
typedef struct {
    header head;
    address x, y;
    uint64_t outer, count, inner;
} mean_step;

/* y[i] = operation(a[i], b[i], c[i]) over four axes, each operand with its own strides (0 or what
 * its shape says), in elements. */
typedef struct {
    header head;
    address a, b, c, y;
    int32_t dims[DIMS], a_strides[DIMS], b_strides[DIMS], c_strides[DIMS];
    float low, high;
    int32_t operation, unused;
} broadcast_step;

/* y = mapping(x), one element by another; (x - zero) * scale and back for bytes. */
typedef struct {
    header head;
    address x, y;
    uint64_t n;
    float low, high, scale;
    int32_t zero, mapping, unused;
} map_step;

/* y = exp(beta (x - max)) / sum, by rows. */
typedef struct {
    header head;
    address x, y;
    uint64_t rows;
    int32_t channels;
    float beta;
} softmax_step;

/* y[i] = x[i] over four axes, strides in elements of 1 or 4 bytes. */
typedef struct {
    header head;
    address x, y;
    int32_t dims[DIMS], x_strides[DIMS], y_strides[DIMS];
    int32_t element, unused;
} copy_step;

/* n words of the same bits. */
typedef struct {
    header head;
    address y;
    uint64_t n;
    uint32_t value, unused;
} fill_step;

#endif
