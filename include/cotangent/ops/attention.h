/* Attention. The conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_ATTENTION_H
#define COTANGENT_OPS_ATTENTION_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* zeros are the defaults */
typedef struct ct_attention_options {
    bool causal;                                /* query i has the keys j <= i and no others */
    double scale;                               /* default 1 / sqrt d */
    double dropout;                             /* in [0, 1): PyTorch's dropout_p */
    uint64_t reserved[4];
} ct_attention_options;
/* y = P v, P = softmax(scale q k^T + mask); gv = P^T g, gmask = P (g v^T - sum of P (g v^T)), gq =
   scale gmask k, gk = scale gmask^T q. q is (...,t,d), k (...,s,d), v (...,s,e) and y (...,t,e): t
   queries look at s keys. The softmax is over keys, and the sum for each query.

   The mask (...,t,s) may be NULL. If it is bool, a query has the keys where it is true, as in
   PyTorch's scaled_dot_product_attention (its MultiheadAttention has true where there is none); if
   it has the dtype of q, it is added, and -inf means no key. Leading axes broadcast, and all axes
   of the mask: for (n,h,t,d) and keys that are padding in some of the n, it is (n,1,1,s).

   A query without any key gets 0 and gives no gradient. Where a key is masked, 0 times v is added:
   v must be finite there.

   With dropout p, y = (m P) v: an element of m is 0 with probability p, and else 1 / (1 - p).
   Backward draws m again. P and m are never stored: beside inputs and results, memory is one number
   for each query. With CT_CREATE_GRAPH gradients are made of ct_matmul and ct_softmax, and P is
   stored.

   Where scores are of size s, y is off by about s eps max |v|, since the scores are rounded */
ct_tensor *ct_attention(ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor *mask,
                        const ct_attention_options *options);
/* y_ij = [j < lengths_i]; derivative: none. The n lengths are i64. y is (n,1,1,size) and bool: the
   mask for keys (n,...,size,d) of sequences that are padded to one size */
ct_tensor *ct_padding_mask(ct_tensor *lengths, int64_t size);

CT_API_END
#endif
