/* Modules: named parameters, named children, and a way to compute forward. A module owns its
 * children and retains its parameters; constructors return NULL on failure and take NULL children
 * for failure. A name is unique in its module: printable ASCII without . " and \. The path from a
 * module to what lies below it is names joined by dots, "layers.0.weight", shorter than 255
 * characters, as PyTorch's state_dict has it. */
#ifndef COTANGENT_NN_MODULE_H
#define COTANGENT_NN_MODULE_H
#include <cotangent/ops.h>
CT_API_BEGIN

typedef struct ct_module ct_module;            /* a layer, or a network of layers */
/* how a module computes: it takes x, and returns y, or NULL on failure. The library opens a scope
   round each call. `user` is the one of ct_module_new */
typedef ct_tensor *(*ct_forward)(ct_module *self, ct_tensor *x, void *user);
/* A module of your own. `kind` ("linear") is copied, and used in texts and messages. forward NULL
   makes a group of parameters that cannot be run. `user` stays yours and must outlive the module
   (memory from ct_object_new does) */
ct_module *ct_module_new(ct_context *cx, const char *kind, ct_forward forward, void *user);
/* frees the module and all below it, and takes it out of its parent. What is not freed goes with
   the context. A module may free itself in its forward. A module that was freed is an error
   (CT_ERROR_STALE) in every call here; when that can be seen is said at ct_object_alive */
void ct_module_free(ct_module *m);
ct_tensor *ct_module_forward(ct_module *m, ct_tensor *x);      /* y for x; NULL on failure */
/* retains x, makes it a variable, and returns it. x must be a leaf, f32 or f64. Its ct_name becomes
   its path from the outermost module, and changes when that is added to another. One tensor may be
   a parameter in several places: it is then listed, counted and trained once */
ct_tensor *ct_module_add_parameter(ct_module *m, const char *name, ct_tensor *x);
/* as ct_module_add_parameter, but for a tensor of any dtype, which is saved and not trained */
ct_tensor *ct_module_add_buffer(ct_module *m, const char *name, ct_tensor *x);
/* makes `child` part of m, and returns it. On failure the child is freed, unless it has a parent
   already or would hold itself */
ct_module *ct_module_add(ct_module *m, const char *name, ct_module *child);
/* a parameter or buffer, or (ct_module_child) a module, by its path from m; NULL and an error if
   there is none */
ct_tensor *ct_module_parameter(const ct_module *m, const char *path);
ct_module *ct_module_child(const ct_module *m, const char *path);
/* all parameters in order of adding, those of children after m's own, without the frozen ones;
   ct_name tells their names. The list is valid until something is added, freed, cast or frozen
   below m */
ct_tensor *const *ct_module_parameters(ct_module *m, int *n);
/* how many tensors there are below m: parameters, frozen ones too, and buffers, each once. The
   first n of them, in the order of files, are put into out. -1 on failure */
int ct_module_tensors(const ct_module *m, ct_tensor **out, int n);
/* how many numbers all parameters have together, frozen ones too */
int64_t ct_module_count(const ct_module *m);
/* Freezes the parameter of that path, or all below the child of that path, or all of m if the path
   is NULL: they are saved, but no longer trained, and lose their gradients. Nothing is recorded for
   them, so backward goes no further than it must. `frozen` false thaws them. Optimizers pass over
   what is frozen later; what was frozen before they were made they do not have */
ct_status ct_module_freeze(ct_module *m, const char *path, bool frozen);
/* converts parameters and float buffers to f32 or f64. The parameters that change are new tensors
   without gradients, so make optimizers afterwards. On failure nothing changes */
ct_status ct_module_cast(ct_module *m, ct_dtype dtype);
/* a module with copies of all parameters and buffers, floats in that dtype; dtype 0 keeps theirs.
   Modules of yours share their `user` with the clone */
ct_module *ct_module_clone(const ct_module *m, ct_dtype dtype);
void ct_module_zero_grad(ct_module *m);        /* ct_zero_grad of all parameters */
/* a line for each module, with shapes and counts; the scope's. NULL out of memory */
const char *ct_module_text(const ct_module *m);

CT_API_END
#endif
