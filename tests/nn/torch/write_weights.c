/* torch-weights FILE: weights of every layer, an x and our y for it, for state_dict.py to check. */
#include <stdio.h>
#include <string.h>

#include "layers.h"

enum { MOST = 400 };
static char names[MOST][128];
static const char *list[MOST];
static ct_tensor *tensors[MOST];
static int count;

static void add(const char *layer, const char *between, const char *name, ct_tensor *x)
{
    snprintf(names[count], sizeof names[count], "%s%s%s", layer, between, name);
    list[count] = names[count];
    tensors[count++] = x;
}

/* the tensors of m, by the names that a file has for them */
static void add_weights(ct_context *cx, const char *layer, const ct_module *m, const char *path)
{
    ct_module_save(m, path);
    ct_archive *a = ct_archive_open(cx, path, NULL);
    for (int i = 0; a && i < ct_archive_count(a); i++)
        add(layer, ".", ct_archive_name(a, i), ct_archive_read(a, ct_archive_name(a, i), 0));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 3 });
    ct_inference(cx);
    for (const torch_layer *l = torch_layers; l->name; l++) {
        int n = 0;
        while (n < 5 && l->shape[n] > 0)
            n++;
        ct_module *m = l->make(cx);
        ct_tensor *x = l->numbers ? ct_randint(cx, 0, 7, l->shape, n)
                                  : ct_randn(cx, CT_F32, l->shape, n);
        ct_tensor *memory = l->memory ? ct_randn(cx, CT_F32, l->shape, n) : NULL;
        add_weights(cx, l->name, m, argv[1]);
        add(l->name, "/", "x", x);
        if (memory)
            add(l->name, "/", "memory", memory);
        add(l->name, "/", "y", torch_layer_forward(m, x, memory));
    }
    ct_write_safetensors(cx, argv[1], list, tensors, count, NULL);
    bool failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
