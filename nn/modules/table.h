/* What a module holds, by name and in order of adding. No other file sees uthash.
 *
 * By itself uthash calls exit() when an allocation fails; here it takes its memory from the context
 * and undoes the addition. Everything is an object of the context, entries included, and an entry
 * releases its own tensors only: so ct_context_free may free them in any order. */
#ifndef COTANGENT_TABLE_H
#define COTANGENT_TABLE_H
#include <string.h>

#include <cotangent/nn.h>

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) ct_object_new(cx, (bytes), NULL)
#define uthash_free(block, bytes) ct_object_free(block)
#include <uthash.h>

typedef struct ct__entry {
    ct_tensor *tensor; /* a parameter or a buffer; NULL if the entry is a child. If both are NULL,
                          it waits for a weight that its parent makes: weight_norm.c */
    bool trained;      /* the tensor is a parameter */
    ct_module *child;  /* NULL if the entry is a tensor */
    ct_tensor *fresh;  /* retained: will replace the tensor once every such tensor is ready */
    UT_hash_handle hh;
    char name[];
} ct__entry;

static inline void ct__entry_finish(void *entry)
{
    ct_release(((ct__entry *)entry)->fresh);
    ct_release(((ct__entry *)entry)->tensor);
}

static inline ct__entry *ct__table_find(ct__entry *table, const char *name, size_t length)
{
    ct__entry *found = NULL;
    HASH_FIND(hh, table, name, length, found);
    return found;
}

/* adds an entry; the name must be new. NULL and an error for lack of memory */
static inline ct__entry *ct__table_add(ct_context *cx, ct__entry **table, const char *name)
{
    size_t length = strlen(name);
    ct__entry *entry = ct_object_new(cx, sizeof *entry + length + 1, ct__entry_finish);
    if (!entry)
        return NULL;
    memcpy(entry->name, name, length + 1);
    HASH_ADD_KEYPTR(hh, *table, entry->name, length, entry);
    if (entry->hh.tbl)
        return entry;
    ct_object_free(entry);
    return NULL;
}

static inline void ct__table_remove(ct__entry **table, ct__entry *entry)
{
    HASH_DEL(*table, entry);
    ct_object_free(entry);
}

/* the next entry in order of adding; the table is the first one */
static inline ct__entry *ct__table_next(const ct__entry *entry)
{
    return entry->hh.next;
}
#endif
