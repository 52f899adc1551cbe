/* The network that reads and writes. */
#ifndef WRITER_H
#define WRITER_H
#include "text.h"

static inline ct_module *net_new(program *p)
{
    int64_t size = program_size(p, 64, 64, 16), units = program_size(p, 192, 192, 48);
    ct_module *net = ct_module_new(p->cx, "writer", NULL, NULL);
    ct_module_add(net, "embedding", ct_embedding_new(p->cx, CT_F32, kinds, size, NULL));
    ct_module_add(net, "lstm", ct_lstm_new(p->cx, CT_F32, size, units, NULL));
    ct_module_add(net, "out", ct_linear_new(p->cx, CT_F32, units, kinds, NULL));
    return net;
}

/* what the units say, (T,N,units), of characters, (T,N); the state goes on */
static inline ct_tensor *units_of(ct_module *net, ct_tensor *x, ct_tensor **state)
{
    ct_tensor *e = ct_module_forward(ct_module_child(net, "embedding"), x);
    return ct_recurrent_forward(ct_module_child(net, "lstm"), e, NULL, &state[0], &state[1]);
}

/* of the next character, (T N,kinds) */
static inline ct_tensor *logits_of(ct_module *net, ct_tensor *y)
{
    return ct_reshape(ct_module_forward(ct_module_child(net, "out"), y), CT_SHAPE(-1, kinds));
}

/* data: characters, those behind them, and the state */
static inline ct_tensor *loss(ct_module *net, void *data)
{
    ct_tensor **d = data, *state[] = { d[2], d[3] };
    ct_tensor *z = logits_of(net, units_of(net, d[0], state));
    d[4] = state[0], d[5] = state[1];
    return ct_cross_entropy(z, ct_reshape(d[1], CT_SHAPE(-1)));
}

#endif
