/* What the files of nn/ share: modules from the inside, and small helps. */
#ifndef COTANGENT_MODULE_H
#define COTANGENT_MODULE_H
#include "table.h"

struct ct_module {
    ct_context *cx;
    const char *kind;
    ct_forward forward;
    void *user;             /* the caller's, or behind the struct: `attributes` bytes, cloned */
    size_t attributes;
    ct__entry *entries;     /* parameters, buffers and children, in order of adding */
    ct_module *parent;
    ct__entry *place;       /* in the parent's entries */
    ct_tensor **parameters; /* as last handed out ... */
    int count;
    bool listed;            /* ... and they are still all */
    bool freed;             /* while its forward runs: memory goes when that has ended */
    int running;            /* calls of its forward */
    unsigned removals;      /* of entries, so that who walks over them can tell */
};

enum { CT__PATH = 256 }; /* bounds the depth of modules as well: recursion is safe */

/* a layer of our own: its attributes are copied into the module, and are its `user` */
ct_module *ct__module_with(ct_context *cx, const char *kind, ct_forward forward,
                           const void *attributes, size_t bytes);
ct_module *ct__module_alike(const ct_module *m); /* with nothing in it */
/* parents before children, in order of adding; NULL: that was the last below root */
ct_module *ct__module_next(const ct_module *root, ct_module *m);
/* "layers.0.weight": from root, or from the outermost module (NULL), to an entry of m; it lies in
   `room`. NULL and an error where it is too long */
const char *ct__path(const ct_module *root, const ct_module *m, const ct__entry *entry,
                     char room[CT__PATH]);

/* for (ct__walk w = { .root = m }; ct__walk_next(&w);): all parameters and buffers below m */
typedef struct ct__walk {
    const ct_module *root;
    ct_module *m;
    ct__entry *entry;
} ct__walk;
bool ct__walk_next(ct__walk *w);
ct__entry *ct__module_find(const ct_module *m, const char *path); /* NULL: none, and no error */
bool ct__walk_is_first(const ct__walk *w); /* or was this tensor met before, elsewhere? */
/* let go of every entry's `fresh` tensor */
void ct__fresh_drop(const ct_module *m);

/* init.c: for fans that the shape of w does not tell */
ct_status ct__initialize(ct_tensor *w, ct_init init, int64_t fan_in, int64_t fan_out);

/* text grows by ct__put; what finds no room is measured only: `used` is the length of all */
typedef struct ct__page {
    char *out;
    size_t room, used;
} ct__page;
void ct__put(ct__page *page, const char *format, ...) CT_PRINTF(2, 3);
bool ct__zeroed(const uint64_t *reserved, int n);
#endif
