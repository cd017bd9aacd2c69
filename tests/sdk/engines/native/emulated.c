/* Runs one plan out of a file, for processors that are emulated: emulated FILE OUT. The file has five
 * 64-bit numbers (kind, sizes of plan, constants, picture and arena), then
 * plan, constants and picture. Writes the whole arena. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int32_t headfit_run(int32_t, const char *, uint64_t, const char *, uint64_t, const char *, uint64_t, char *, uint64_t);
int32_t headfit_kernels(int32_t, char *, int32_t *, int32_t *);

static char *read_part(FILE *file, uint64_t n) {
    char *part = aligned_alloc(64, (n / 64 + 1) * 64);
    if (!part || fread(part, 1, n, file) != n) exit(2);
    return part;
}

int main(int n, char **arguments) {
    char name[16];
    int32_t bits, bytes, kind = 0;
    if (n == 1) {
        for (int32_t answer; (answer = headfit_kernels(kind, name, &bits, &bytes)); kind++)
            printf("%d %s %d %d %d\n", kind, name, bits, bytes, answer);
        return 0;
    }
    FILE *file = fopen(arguments[1], "rb");
    uint64_t sizes[5];
    if (!file || fread(sizes, 8, 5, file) != 5) return 2;
    char *plan = read_part(file, sizes[1]), *constants = read_part(file, sizes[2]);
    char *picture = read_part(file, sizes[3]), *arena = aligned_alloc(64, (sizes[4] / 64 + 1) * 64);
    const int32_t fault =
        headfit_run((int32_t)sizes[0], plan, sizes[1], constants, sizes[2], picture, sizes[3], arena, sizes[4]);
    if (fault) return 3;
    FILE *out = fopen(arguments[2], "wb");
    return out && fwrite(arena, 1, sizes[4], out) == sizes[4] && !fclose(out) ? 0 : 4;
}
