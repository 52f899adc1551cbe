/* The text of an einsum, "ij,jk->ik", as lists of labels. */
#ifndef CT__EINSUM_TEXT_H
#define CT__EINSUM_TEXT_H
#include <cotangent/ops.h>

enum {
    CT__EINSUM_MOST = 64,   /* operands at most */
    CT__LETTERS = 52,       /* labels below are letters, A to Z and a to z; those from here on are
                               the axes of the ellipsis, the last one first */
    CT__LABEL_TEXT = 32
};

typedef struct ct__einsum {
    ct_context *cx;
    const char *text;
    unsigned char label[CT__EINSUM_MOST][CT_MAX_DIMS];  /* of each operand's axes */
    unsigned char output[CT_MAX_DIMS];
    int output_ndim;
} ct__einsum;

/* Reads the text. False, with an error, if it does not fit the n operands. Sizes are not looked
   at. */
bool ct__einsum_read(ct__einsum *e, const char *text, ct_tensor *const *x, int n);
/* The label for messages, in `room`. */
const char *ct__label_text(unsigned char label, char room[CT__LABEL_TEXT]);
#endif
