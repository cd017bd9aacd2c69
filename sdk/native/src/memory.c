/* The functions that compilers call by themselves, so that nothing is needed from a libc. */
#include <stddef.h>

#if !defined(__clang__) /* or their loops become calls of themselves */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

#define OWN __attribute__((visibility("hidden"), used))

OWN void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    char *t = to;
    const char *f = from;
    for (; n >= 16; n -= 16, t += 16, f += 16) {
        typedef long long pair __attribute__((vector_size(16), aligned(1), may_alias));
        *(pair *)t = *(const pair *)f;
    }
    for (; n; n--) *t++ = *f++;
    return to;
}

OWN void *memset(void *to, int value, size_t n) {
    char *t = to;
    typedef char octets __attribute__((vector_size(16), aligned(1), may_alias));
    char v = (char)value;
    octets all = {v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v};
    for (; n >= 16; n -= 16, t += 16) *(octets *)t = all;
    for (; n; n--) *t++ = v;
    return to;
}
