/* What PyTorch computed: the rows of a text file beside the program that wrote it. A row is @, a
 * name, and numbers. */
#ifndef TESTS_NN_TORCH_FIGURES_H
#define TESTS_NN_TORCH_FIGURES_H
#include "support.h"

/* reads the n numbers of that row of tests/nn/torch/FILE; it must have exactly these */
static inline void figures(const char *file, const char *row, double *out, int n)
{
    char path[500], name[64];
    snprintf(path, sizeof path, "%s/tests/nn/torch/%s", CT_SOURCE_ROOT, file);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "cannot read %s", path);
    int found = -1;
    while (found < 0 && fscanf(f, "%63s", name) == 1) {
        double value;
        int count = 0;
        for (; fscanf(f, "%lf", &value) == 1; count++)
            if (strcmp(name + 1, row) == 0 && count < n)
                out[count] = value;
        found = strcmp(name + 1, row) == 0 ? count : -1;
    }
    fclose(f);
    ck_assert_msg(found == n, "%s has %d numbers of '%s', not %d", file, found, row, n);
}
#endif
