/* Ranks from the inside. */
#ifndef COTANGENT_RANKS_H
#define COTANGENT_RANKS_H
#include <cotangent/mpi.h>

enum { CT__TEXT = 240 };

/* what a rank is doing: the calls that all ranks make */
typedef enum ct__what {
    CT__MPI_NEW, CT__MPI_ADD, CT__MPI_BACKWARD, CT__MPI_SUM, CT__MPI_MAX, CT__MPI_MEAN,
    CT__MPI_TOTAL, CT__MPI_SAVE, CT__MPI_LOAD, CT__MPI_STEP,
    CT__MPI_CALLS
} ct__what;

/* A message between two ranks, beside the collective calls. */
typedef struct ct__letter {
    int64_t kind, code, what, step;
    char text[CT__TEXT];
} ct__letter;
enum { CT__ASK, CT__HERE, CT__GONE, CT__LETTERS };

/* a parameter */
typedef struct ct__slot {
    ct_tensor *w, *view;        /* retained; the view is the parameter's place in its bucket */
    int bucket;
    int owner;                  /* the rank that keeps its states, if these are sharded */
    bool present;               /* this walk has brought a cotangent */
    bool created;               /* this step has made the gradient */
} ct__slot;

typedef struct ct__bucket {
    ct_dtype dtype;
    int first, n;               /* slots */
    int unfinished;             /* those whose cotangent has not come yet */
    int64_t count, room;        /* elements; the same up to a multiple of the number of ranks */
    ct_tensor *all;             /* retained: room elements in memory of MPI, borrowed */
    void *data, *others;        /* where they are; as many from the other ranks, if `ordered` */
    ct_tensor *gathered;        /* retained: the memory of `others` */
} ct__bucket;

/* What was given to be trained: an object of its own, which releases what it retains. */
typedef struct ct__shared {
    struct ct_mpi *m;
    int n, buckets, next;       /* slots; buckets; the next one to be exchanged */
    ct__slot *slots;
    ct__bucket *bucket;
    MPI_Request *requests;      /* one for each bucket, or for each slot */
    ct_tensor **w, **gx;        /* for ct_grad */
    bool stepped;               /* by ct_mpi_step: each rank has the states of its own alone */
    ct_mpi_sums sums;           /* those of MPI */
    struct ct__post *posts;
} ct__shared;

/* What a hook knows. It lives as long as the context, since hooks stay with their tensors. */
typedef struct ct__post {
    ct__shared *shared;         /* NULL: it is gone */
    int slot;
} ct__post;

struct ct_mpi {
    ct_context *cx;
    /* for collective calls; for buckets, so that different calls never meet; for letters */
    MPI_Comm comm, exchange, control;
    int rank, size;
    ct_mpi_options options;
    ct__what what;
    int64_t step;               /* counts the calls that all ranks make */
    bool broken, told;          /* the ranks no longer work together; the others know it */
    bool doomed;                /* it will be broken after this call, with m->text */
    bool known;                 /* the error of the last call is that of all ranks */
    bool walking;
    bool synchronized;          /* there were sums in the graph */
    double weight;              /* of this rank's gradients, in this walk */
    char text[CT__TEXT];        /* why it is broken */
    ct__letter out[CT__LETTERS], in;
    bool *heard;                /* by rank: it has answered */
    MPI_Datatype records[2];    /* an agreement; one about parameters */
    MPI_Op merge;
    int64_t *mine, *all;        /* agreements: this rank's, and that of all */
    char *piece;                /* memory of MPI: pass.c */
    size_t piece_bytes;
    ct__shared *shared;
    ct_mpi_report report;
};

/* -- wait.c */
double ct__seconds(void);
/* code is what an MPI function returned. false: it failed, and the ranks are broken */
bool ct__mpi_good(ct_mpi *m, int code, const char *function);
/* Waits for the n requests. false: broken */
bool ct__mpi_wait(ct_mpi *m, MPI_Request *requests, int n);
/* lets MPI make progress with them */
void ct__mpi_poke(ct_mpi *m, MPI_Request *requests, int n);
/* the ranks no longer work together: an error, which the others are told */
void ct__mpi_break(ct_mpi *m, const char *text);

/* -- agree.c */
/* Begins a call that all ranks make. false: an error, the call can do nothing */
bool ct__mpi_begin(ct_mpi *m, ct__what what);
/* All ranks learn whether one has failed (its context has an error), and get that error. On success
   *examples becomes the sum over ranks, and a slot is present if it is on any rank */
ct_status ct__mpi_agree(ct_mpi *m, int64_t *examples, ct__slot *slots, int n);
/* room for agreements about n slots; false and an error */
bool ct__mpi_agreement_room(ct_mpi *m, int n);
/* rank `root` has an error: all ranks get it */
ct_status ct__mpi_spread(ct_mpi *m, int root);

/* -- pass.c: by way of a piece of memory that MPI reads and writes */
bool ct__mpi_piece(ct_mpi *m); /* makes it; false and an error */
/* rank `root`'s bytes go to all ranks; where data is NULL, for nothing. false: broken */
bool ct__mpi_pass(ct_mpi *m, int root, void *data, size_t bytes);
/* These bytes of all ranks, one after another, until the next of these calls; NULL: broken. There
   is room for 64 of each rank, and for 64 more */
const void *ct__mpi_gather(ct_mpi *m, const void *mine, size_t bytes);
/* n elements become their sums over ranks, in the order of ranks if `ordered`. false: broken */
bool ct__mpi_sums(ct_mpi *m, void *data, ct_dtype dtype, int64_t n);

/* -- new.c */
bool ct__mpi_alive(const ct_mpi *m, const char *who);
/* tells others that this rank, which has an error, will not come */
void ct__mpi_leave(ct_mpi *m);
/* memory for collective calls, zeros; NULL: broken */
void *ct__mpi_take(ct_mpi *m, size_t bytes);
void ct__mpi_give_back(const ct_mpi *m, void *data); /* or up, if broken */
void ct__mpi_give_up(void *data);
/* a tensor (n), retained, over memory of MPI; *data is where it is. NULL and an error */
ct_tensor *ct__mpi_memory(ct_mpi *m, ct_dtype dtype, int64_t n, void **data);
MPI_Datatype ct__mpi_type(ct_dtype dtype);

/* -- gradients.c */
/* a hook: the cotangent goes to its place in its bucket, from where it is sent; `user` is a post */
ct_tensor *ct__mpi_hook(ct_tensor *gy, void *user);
/* y[i] += x[i] */
void ct__mpi_add(ct_dtype dtype, void *y, const void *x, int64_t n);

/* -- share.c: the rank's own stream, from that of rank 0 */
void ct__mpi_draw_apart(ct_mpi *m, ct_stream stream);

/* -- repeat.c: tries what MPI's sums are like; an error if the ranks get different ones */
ct_status ct__mpi_try_sums(ct_mpi *m, const char *who);

/* -- states.c: who keeps which states; the rest does something if they are sharded */
void ct__mpi_share_out(ct__shared *s);
/* rank 0 has room for the states of all parameters, and the others for their own; or an error */
void ct__mpi_make_states(ct_mpi *m, ct_optimizer *o);
/* rank 0 gets the states of all parameters. false: broken */
bool ct__mpi_collect_states(ct_mpi *m, ct_optimizer *o);
/* this rank has no states but those of its part */
void ct__mpi_forget_states(ct_mpi *m, ct_optimizer *o);
#endif
