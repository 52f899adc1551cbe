/* What the layers use of each other. */
#ifndef COTANGENT_LAYERS_H
#define COTANGENT_LAYERS_H
#include "module.h"

/* -- init.c: ct_initialize, with fans that the shape of w does not tell */
ct_status ct__initialize(ct_tensor *w, ct_init init, int64_t fan_in, int64_t fan_out);

/* -- linear.c: the forward function by which a linear layer is known, and that layer and an
   activation in one call */
ct_tensor *ct__linear_forward(ct_module *self, ct_tensor *x, void *user);
ct_tensor *ct__linear_activated(ct_module *self, ct_tensor *x, ct_activation activation);

/* -- batch_norm.c: the same of batch norm, and that layer and a ReLU */
ct_tensor *ct__batch_norm_forward(ct_module *self, ct_tensor *x, void *user);
ct_tensor *ct__batch_norm_relu(ct_module *self, ct_tensor *x);

/* -- attention.c: of a multi_head_attention, which is checked, and x = { q, k, v } */
ct_tensor *ct__attend(ct_module *self, ct_tensor *const *x, ct_tensor *mask);

/* -- sequential.c: m with the children "0", "1", ...; NULL and an error, after which m and the
   children are freed. m may be NULL: it could not be made */
ct_module *ct__module_of_children(ct_context *cx, const char *who, ct_module *const *children,
                                  int n, ct_module *m);

/* -- pool.c: by which max pooling is known */
ct_tensor *ct__max_pool_forward(ct_module *self, ct_tensor *x, void *user);

/* -- activation.c: its `user` is the ct_activation */
ct_tensor *ct__activation_forward(ct_module *self, ct_tensor *x, void *user);
bool ct__is_activation(ct_context *cx, const char *who, ct_activation activation); /* or an error */
#endif
