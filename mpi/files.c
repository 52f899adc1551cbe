/* Runs in files: rank 0 writes, all read. */
#include "ranks.h"

/* -- The mean over ranks of float buffers, such as running statistics: x0 + mean(x_r - x0), with x0
 * that of rank 0, so that what is equal stays as it is */
enum { NUMBERS = 256 }; /* at once */

static double number(const void *data, ct_dtype dtype, int64_t i)
{
    return dtype == CT_F32 ? ((const float *)data)[i] : ((const double *)data)[i];
}

/* of `n` elements from number `at` on */
static bool mean_of(ct_mpi *m, void *data, ct_dtype dtype, int64_t at, int64_t n)
{
    double first[NUMBERS], apart[NUMBERS];
    for (int64_t i = 0; i < n; i++)
        first[i] = number(data, dtype, at + i);
    if (!ct__mpi_pass(m, 0, first, (size_t)n * sizeof *first))
        return false;
    for (int64_t i = 0; i < n; i++)
        apart[i] = number(data, dtype, at + i) - first[i];
    if (!ct__mpi_sums(m, apart, CT_F64, n))
        return false;
    for (int64_t i = 0; i < n; i++) {
        double mean = first[i] + apart[i] / m->size;
        if (dtype == CT_F32)
            ((float *)data)[at + i] = (float)mean;
        else
            ((double *)data)[at + i] = mean;
    }
    return true;
}

static bool average(ct_mpi *m, ct_tensor *const *all, int n)
{
    for (int k = 0; k < n; k++) {
        const ct_dtype dtype = ct_dtype_of(all[k]);
        const int64_t count = ct_count(all[k]);
        if ((dtype != CT_F32 && dtype != CT_F64) || ct_requires_grad(all[k]))
            continue;
        void *data = ct_data_mutable(all[k]);
        for (int64_t at = 0; at < count; at += NUMBERS)
            if (!mean_of(m, data, dtype, at, count - at < NUMBERS ? count - at : NUMBERS))
                return false;
    }
    return true;
}

/* The n tensors of the module, as an object. What is wrong with them the context's error says */
static ct_tensor **tensors_of(ct_mpi *m, const ct_module *module, int *n)
{
    *n = module ? ct_module_tensors(module, NULL, 0) : -1;
    ct_tensor **all = *n < 0 ? NULL : ct_object_new(m->cx, (size_t)*n * sizeof *all, NULL);
    if (!module)
        ct_fail(m->cx, CT_ERROR_NULL, "mpi_save: the run has no module");
    if (all)
        ct_module_tensors(module, all, *n);
    for (int k = 0; all && k < *n; k++)
        if (!ct_is_contiguous(all[k]))
            ct_fail(m->cx, CT_ERROR_VALUE, "mpi_save: the elements of '%s' must lie one after "
                    "another", ct_name(all[k]));
    return all;
}

/* -- The calls */
ct_status ct_mpi_save(ct_mpi *m, const ct_training *t, const char *path)
{
    int n;
    if (!ct__mpi_alive(m, "mpi_save"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!ct__mpi_begin(m, CT__MPI_SAVE))
        return CT_ERROR_CALLBACK;
    ct_tensor **all = tensors_of(m, t ? t->module : NULL, &n);
    ct__mpi_make_states(m, t ? t->optimizer : NULL);
    ct_status status = ct__mpi_agree(m, NULL, NULL, 0);
    if (status == CT_OK && !(average(m, all, n) && ct__mpi_collect_states(m, t->optimizer)))
        status = CT_ERROR_CALLBACK;
    if (status == CT_OK && m->rank == 0)
        ct_training_save(t, path);
    ct__mpi_forget_states(m, t ? t->optimizer : NULL);
    ct_object_free(all);
    return status == CT_OK ? ct__mpi_agree(m, NULL, NULL, 0) : status;
}

ct_status ct_mpi_load(ct_mpi *m, ct_training *t, const char *path)
{
    if (!ct__mpi_alive(m, "mpi_load"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!ct__mpi_begin(m, CT__MPI_LOAD))
        return CT_ERROR_CALLBACK;
    if (!t || !t->module)
        ct_fail(m->cx, CT_ERROR_NULL, "mpi_load: the run has no module");
    else
        ct_training_load(t, path);
    ct_status status = ct__mpi_agree(m, NULL, NULL, 0);
    if (status == CT_OK)
        ct__mpi_draw_apart(m, ct_random_stream(m->cx));
    return status;
}
