/* A TFLite delegate that takes over nothing: it writes into the file named by HEADFIT_DELEGATE_LOG that
 * it was made, asked and ended. The structures are those of tensorflow/lite/core/c/common.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Delegate {
    void *data;
    int (*prepare)(void *context, struct Delegate *self);
    int (*from_buffer)(void *, struct Delegate *, int, void *);
    int (*to_buffer)(void *, struct Delegate *, int, void *);
    void (*free_buffer)(void *, struct Delegate *, int *);
    int64_t flags;
    void *opaque_builder;
} Delegate;

static void log_line(const char *text) {
    const char *path = getenv("HEADFIT_DELEGATE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%s\n", text);
        fclose(file);
    }
}

static int prepare(void *context, Delegate *self) {
    (void)context, (void)self;
    log_line("asked");
    return 0;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t n, void (*report)(const char *)) {
    (void)keys, (void)values, (void)n;
    if (getenv("HEADFIT_DELEGATE_FAILS")) {
        report("no such hardware");
        return NULL;
    }
    Delegate *made = calloc(1, sizeof *made);
    made->prepare = prepare;
    log_line("made");
    return made;
}

void tflite_plugin_destroy_delegate(Delegate *made) {
    free(made);
    log_line("ended");
}
