/* Writing safetensors: one file, or several; and modules. */
#include <string.h>

#include "replace.h"
#include "tensors.h"

ct_status ct__tensors_write(const ct__tensors *t)
{
    ct__replacement r = { .file = { .cx = t->cx, .who = t->who, .path = t->path } };
    if (t->shard_bytes > 0)
        return ct__shards_write(t);
    ct_status status = ct__replace_begin(&r);
    return status == CT_OK ? ct__replace_end(&r, ct__tensors_write_to(&r.file, t)) : status;
}

/* -- The public functions */
ct_status ct_write_safetensors(ct_context *cx, const char *path, const char *const *names,
                               ct_tensor *const *tensors, int n,
                               const ct_archive_options *options)
{
    ct__tensors t = { .cx = cx, .who = "write_safetensors", .path = path };
    ct_status status = ct__tensors_list(&t, names, tensors, n, options);
    if (status != CT_OK)
        return status;
    for (int i = 0; i < n && status == CT_OK; i++)
        if (strcmp(names[i], "__metadata__") == 0)
            status = ct_fail(cx, CT_ERROR_VALUE, "write_safetensors: no tensor can be called "
                             "'__metadata__'");
    if (status == CT_OK)
        status = ct__tensors_write(&t);
    ct__tensors_free(&t);
    return status;
}

static ct_status save(const ct_module *m, ct__tensors *t, const ct_archive_options *options)
{
    if (!t->path)
        return ct_fail(m->cx, CT_ERROR_NULL, "%s: the path is NULL", t->who);
    ct_status status = ct__tensors_add_options(t, options);
    if (status == CT_OK)
        status = ct__tensors_room(t, ct__tensors_below(m));
    if (status == CT_OK)
        status = ct__tensors_add_module(t, "", m);
    if (status == CT_OK)
        status = ct__tensors_write(t);
    ct__tensors_free(t);
    return status;
}

ct_status ct_module_save(const ct_module *m, const char *path)
{
    if (!ct__module_alive(m, "module_save"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    return save(m, &(ct__tensors){ .cx = m->cx, .who = "module_save", .path = path }, NULL);
}

ct_status ct_module_save_with(const ct_module *m, const char *path,
                              const ct_archive_options *options)
{
    if (!ct__module_alive(m, "module_save_with"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    return save(m, &(ct__tensors){ .cx = m->cx, .who = "module_save_with", .path = path }, options);
}
