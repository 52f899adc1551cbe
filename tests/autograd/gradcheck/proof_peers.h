/* What other checks say of the same cases, written anew from what they are documented to do. */
#ifndef PROOF_PEERS_H
#define PROOF_PEERS_H
#include "proof.h"

typedef enum peer {
    PEER_TORCH_SLOW, /* every entry of the Jacobian: step 1e-6, atol 1e-5, rtol 1e-3 */
    PEER_TORCH_FAST, /* one product u J v, of random positive u and v */
    PEER_PLAIN,      /* the gradient of the sum: step 1e-6, entries equal to 1e-4 */
    PEERS
} peer;
/* does that check pass? */
bool proof_peer(ct_context *cx, const proof_case *p, uint64_t seed, peer which);
#endif
