/* Runs one network on a processor that is emulated: emulated NETWORK PICTURE OUT. The network is what
 * headfit.engines.native.exporting returns. Writes the embedding. Without arguments it lists the kernels. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t headfit_run(int32_t, const char *, uint64_t, const char *, uint64_t, const char *, uint64_t, char *, uint64_t);
int32_t headfit_kernels(int32_t, char *, int32_t *, int32_t *);

static char *memory_of(uint64_t n) {
    char *memory = aligned_alloc(64, (n / 64 + 1) * 64);
    if (!memory) exit(2);
    return memory;
}

static char *read_part(FILE *file, uint64_t n) {
    char *part = memory_of(n);
    if (fread(part, 1, n, file) != n) exit(2);
    return part;
}

int main(int n, char **arguments) {
    char name[16];
    int32_t bits, bytes, kind = 0;
    if (n == 1) {
        for (int32_t answer; (answer = headfit_kernels(kind, name, &bits, &bytes)); kind++)
            printf("%s %d %d %d\n", name, bits, bytes, answer);
        return 0;
    }
    FILE *file = fopen(arguments[1], "rb"), *pictures = fopen(arguments[2], "rb");
    char head[24];
    uint64_t sizes[7]; /* version, plan, constants, picture, arena, output, numbers */
    if (!file || !pictures || fread(head, 1, 24, file) != 24 || fread(sizes, 8, 7, file) != 7) return 2;
    while (headfit_kernels(kind, name, &bits, &bytes) && strcmp(name, head + 8)) kind++;
    char *plan = read_part(file, sizes[1]), *constants = read_part(file, sizes[2]);
    char *picture = read_part(pictures, sizes[3]), *arena = memory_of(sizes[4]);
    if (headfit_run(kind, plan, sizes[1], constants, sizes[2], picture, sizes[3], arena, sizes[4])) return 3;
    FILE *out = fopen(arguments[3], "wb");
    return out && fwrite(arena + sizes[5], 4, sizes[6], out) == sizes[6] && !fclose(out) ? 0 : 4;
}
