/* Modules from the inside. What follows the struct is said for each file that defines it. */
#ifndef COTANGENT_MODULE_H
#define COTANGENT_MODULE_H
#include "checks.h"
#include "table.h"
#include "text.h"

struct ct_module {
    ct_context *cx;
    const char *kind;
    ct_forward forward;
    void *user;             /* the caller's; or, of our own layers, `attributes` bytes behind this
                               struct, which a clone copies */
    size_t attributes;
    ct__entry *entries;     /* parameters, buffers and children, in order of adding */
    ct_module *parent;
    ct__entry *place;       /* this module's entry in its parent */
    ct_tensor **parameters; /* the list that ct_module_parameters gave out last */
    int count;              /* how long that list is */
    bool listed;            /* the list is still complete */
    bool freed;             /* by its own forward: the memory goes when that has returned */
    int running;            /* calls of its forward that have not returned */
    unsigned removals;      /* how many entries were removed, so that a loop over them can tell */
};

enum { CT__PATH = 256 }; /* bytes of a path; it bounds how deep modules are, and so recursion */

/* -- module.c */
void ct__module_finish(void *module); /* marks an object as a module */
/* m is a module that was not freed. NULL is false without an error, since it has no context */
static inline bool ct__module_alive(const ct_module *m, const char *who)
{
    if (!ct_object_alive(m, ct__module_finish, who))
        return false;
    if (m->freed)
        ct_fail(m->cx, CT_ERROR_STALE, "%s: this %s was freed before", who, m->kind);
    return !m->freed;
}
/* a layer of our own: its attributes are copied into the module, and are its `user` */
ct_module *ct__module_with(ct_context *cx, const char *kind, ct_forward forward,
                           const void *attributes, size_t bytes);
ct_module *ct__module_alike(const ct_module *m); /* the same layer, without entries */
/* The module after m below root; NULL after the last. Parents come before children, and children in
 * order of adding. */
ct_module *ct__module_next(const ct_module *root, ct_module *m);

/* -- entries.c */
/* for (ct__entries w = { .root = m }; ct__entries_next(&w);) visits every tensor below m; w.entry
   has it, and belongs to the module w.m */
typedef struct ct__entries {
    const ct_module *root;
    ct_module *m;
    ct__entry *entry;
} ct__entries;
bool ct__entries_next(ct__entries *w);
bool ct__entries_is_first(const ct__entries *w); /* no earlier entry has the same tensor */
ct__entries ct__entries_find(const ct_module *root, const ct_tensor *x); /* its first entry */
/* weight decay and ct_penalty are for it: it is no bias, and no parameter of a normalization */
bool ct__entry_decays(const ct__entries *w);
/* "layers.0.weight", the path of an entry of m from root, or from the outermost module if root is
   NULL. The text lies in `room`. NULL and an error: it is too long */
const char *ct__path(const ct_module *root, const ct_module *m, const ct__entry *entry,
                     char room[CT__PATH]);
ct__entry *ct__module_find(const ct_module *m, const char *path); /* NULL without an error: none */

/* no module of m's tree trusts its list of parameters any more */
void ct__module_forget_lists(ct_module *m);

/* -- copy.c */
void ct__fresh_drop(const ct_module *m); /* releases the `fresh` tensor of every entry below m */
#endif
