/* What the programs of the lecture share: options, the gradient check, progress, digits to learn
 * from, and a report. A program reads
 *
 *   int main(int argc, char **argv)
 *   {
 *       program p = { .name = "waves", .title = "How a network learns a wave", .minutes = 2,
 *                     .does = "fits sin x by networks of several widths" };
 *       if (!program_begin(&p, argc, argv))
 *           return p.status;
 *       program_check(&p, net, loss_of, batch);
 *       for (int i = 0; i < steps && program_progress(&p, i / (double)steps, "step %d", i); i++)
 *           ...
 *       report_heading(&p, "How it learned");
 *       report_text(&p, "Each curve is the error of %d units.", units);
 *       report_chart(&p, &(chart){ .title = "Error", .y_log = 10, .x_name = "step", .series = {
 *           { "8 units", x, y, n, LINE, BLUE }, { "64 units", x, z, n, DASHED, ORANGE } } });
 *       program_target(&p, error <= 0.01, "the error is at most 0.01");
 *       return program_end(&p, "the error of %d units is %.4f", units, error);
 *   }
 *
 * What program_say and the others print with --tiny is compared with NAME.txt by the tests: so
 * there are no times in it, and no more digits than every machine gives.
 *
 * After an error (of the library, or of a file) all functions still may be called; program_end
 * says what the first one was, and writes no report. */
#ifndef PROGRAM_H
#define PROGRAM_H
#include <cotangent.h>
#include <stdio.h>

#ifdef __GNUC__
#define PRINTF(text, rest) __attribute__((format(printf, text, rest)))
#else
#define PRINTF(text, rest)
#endif

/* how a program ends: main's result */
enum {
    EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_GRADIENT = 3, EXIT_MISSED = 4, EXIT_INTERRUPTED = 130
};

/* -- The program */
/* An option of the program's own, beside those that all have (program_begin) */
typedef struct option {
    const char *name, *argument, *meaning; /* "--epochs", "N", "passes over the data; default 10" */
    int *place;                 /* of a whole number, from low to high; 1 if there is no argument */
    long low, high;
    bool (*read)(const char *text, void *user); /* of another value; false: it cannot be used */
    void *user;
} option;

/* what program_check found */
typedef struct check {
    bool passed;
    int tensors;
    int64_t compared, kinks;
    double error, bar, seconds; /* error and bar: of the worst entry of all */
} check;

typedef struct program {
    /* You say these; all but the options are needed */
    const char *name, *title;   /* the command's; the heading of the report */
    const char *does;           /* "fits sin x by networks of several widths" */
    double minutes;             /* of a whole run on one core */
    const option *options;
    int option_count;
    const struct ranks *parallel; /* &program_ranks: it has --ranks, see program_share */
    /* program_begin sets these */
    ct_context *cx;             /* its random stream begins at --seed */
    const char *data, *out;     /* --data or $COTANGENT_DATA: NULL if not given; --out */
    bool quick, tiny;
    int seed, threads;
    int rank, ranks;            /* processes, and which this one is; 0 of 1 most often */
    const ct_program_options *replay; /* --replay: for ct_fit. NULL: steps are not replayed */
    int status;                 /* of main, where program_begin gives false */
    check check;                /* the last program_check's */
    /* private */
    struct report *report;
    struct kept *kept;
    struct ct_mpi *mpi;
    double start, shown, first, first_share;
    bool missed, stopped;
} program;

/* Reads --data DIR, --out DIR, --seed N, --threads N, --replay, --quick, --tiny, --help and the
   program's own options, looks whether OUT/report.html can be written, makes the context and says
   what the program does. false: there is nothing to do but to return p->status */
bool program_begin(program *p, int argc, char **argv);
/* One of three: for a whole run, for --quick (at most a minute), for --tiny (about a second) */
int64_t program_size(const program *p, int64_t full, int64_t quick, int64_t tiny);
/* Compares the gradient of `loss` by every parameter of a clone of net in f64 with central
   differences; of large parameters a sample. `user` holds a small batch in f64. Prints what it
   found, and puts it into the report. If a gradient is wrong the program ends with EXIT_GRADIENT:
   false, and nothing should be trained */
bool program_check(program *p, ct_module *net, ct_module_loss loss, void *user);
/* a line for the user, on stdout */
void program_say(program *p, const char *format, ...) PRINTF(2, 3);
/* Shows a line on stderr with the time left, ten times a second at most on a terminal; else a line
   every half a minute. share: how much of the whole program is done, 0 to 1. false: the user
   pressed Ctrl-C, or there was an error: end the loop, and what was found is still reported */
bool program_progress(program *p, double share, const char *format, ...) PRINTF(3, 4);
/* A figure that the program promises: prints "reached: ..." or "MISSED: ...", and lists it in the
   report. If a whole run (not --quick, not --tiny) misses one, it ends with EXIT_MISSED */
void program_target(program *p, bool reached, const char *format, ...) PRINTF(3, 4);
/* Writes the report, prints the result as the last line, frees the context, and returns the status
   of main. format NULL: there is no report and no result */
int program_end(program *p, const char *format, ...) PRINTF(2, 3);
/* text made like printf's, which lives as long as the context; "" without memory */
const char *program_words(program *p, const char *format, ...) PRINTF(2, 3);
/* -- Steps of training. With --replay each is recorded once for each set of shapes, and replayed:
 * the same results, and an error if that cannot be (docs/replay.md) */
/* Goes backward from loss(net, x), the mean over the rows of x[0], and steps. Of several processes,
   each has its part of the rows, which may be none, and steps by the gradient of the mean over all
   of them. Returns that mean; NaN on failure */
double program_step(program *p, ct_module *net, ct_optimizer *o, ct_module_loss loss,
                    ct_tensor *const *x, int n);
/* what a step is given that does more than that, as its user */
typedef struct learner {
    ct_module *net;
    ct_optimizer *optimizer;
} learner;
/* step(x), which sets y, of so many results; false on failure */
bool program_step_by(program *p, ct_functions step, int results, learner user,
                     ct_tensor *const *x, int n, ct_tensor **y);

/* -- Several processes (--ranks N), each with its part of every batch. On one process these do what
 * they must, and no more. Only rank 0 prints and reports */
extern const struct ranks program_ranks;
/* This network is trained from now on: all ranks get rank 0's parameters. false: an error */
bool program_share(program *p, ct_module *net);
/* ct_batches_new, where this process gets its part of every batch, which may be empty */
ct_batches *program_batches(const program *p, ct_tensor *x, ct_tensor *labels, int64_t size,
                            const ct_batches_options *options);
/* this process's part of the rows of x */
ct_tensor *program_part(const program *p, ct_tensor *x);
/* the mean over ranks, by weight */
double program_mean(program *p, double value, double weight);

/* seconds since some moment in the past */
double seconds_now(void);

/* -- Data to learn from */
enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };
typedef struct images {
    ct_tensor *x;               /* of digits: f32 (n,PIXELS), 0 (paper) to 1 (ink) */
    ct_tensor *labels;          /* i64 (n), 0 to 9 */
} images;
images images_first(const images *set, int64_t n); /* a view of n of them */
/* the cross-entropy of what net says about (images *)user, or about two tensors */
ct_tensor *images_loss(ct_module *net, void *user);
/* `train` images to learn from and `test` others, or fewer if there are not so many (60,000 and
   10,000): from the four files of MNIST, or of a set like it, in --data, else drawn by the program
   itself from the seed. Prints where they come from, and the report says it too. On failure both
   have NULLs */
bool program_digits(program *p, int64_t train, int64_t test, images *learn, images *other);
/* n points of two classes in the plane, at most 1 from the middle: x is f64 (n,2). Each is moved by
   noise of that standard deviation, drawn from the context's stream */
images program_spirals(program *p, int64_t n, double turns, double noise);
images program_rings(program *p, int64_t n, double noise); /* of radius 0.45 and 0.9 */

/* -- The report: p->out/report.html, self-contained, for light and dark and for wide and narrow
 * screens. Its parts stand as they are called. What comes before the first heading is followed by
 * the facts. Texts are plain (< and & mean themselves) */
void report_heading(program *p, const char *text);
/* a paragraph */
void report_text(program *p, const char *format, ...) PRINTF(2, 3);
/* a large number at the top, with its name above and a note below: "Test error", "2.10 %", "..." */
void report_fact(program *p, const char *name, const char *value, const char *note);
/* A row of a table, its cells apart by '|': "%d|%.3f|%.3f". Rows that follow each other make one
   table; the first is its head */
void report_row(program *p, const char *format, ...) PRINTF(2, 3);
/* a line of the table at the end: what somebody needs to do this again */
void report_setting(program *p, const char *name, const char *format, ...) PRINTF(3, 4);

/* Charts and images of the same size that follow each other stand side by side */
typedef enum size {
    HALF, /* two in a row: charts are wider than high */
    SQUARE, /* three, as high as wide */
    SMALL, /* many; charts without numbers at their axes */
    FULL /* one */
} size;
/* colors are told apart on light and on dark pages: 1 is blue, 2 orange, 3 green, 4 purple, ... */
enum { BLUE = 1, ORANGE, GREEN, PURPLE, TEAL, PINK, OLIVE, BROWN, SLATE, RED, COLORS = RED, GRAY };

/* -- Images: numbers as colors */
typedef enum palette {
    INK,    /* nothing at low, black at high (white on a dark page); default 0 to 1 */
    SIGNED, /* blue below the middle, orange above; default: as far to both sides */
    HEAT,   /* dark blue, red, yellow */
    AREAS,  /* a whole number: soft colors 1 to COLORS, those of the series; 0 is nothing */
    CELLS,  /* a whole number: one of many colors, those of neighbors are far apart */
    RGB     /* three numbers a point, 0 to 1: (count,3,height,width) */
} palette;
typedef struct image {
    const char *caption;        /* below it; NULL: none */
    const float *values;        /* (count,height,width), row by row from the top */
    int width, height;
    int count, columns;         /* of pictures two points apart; default 1, and about a square */
    palette palette;
    double low, high;           /* the values of the first and last color; both 0: by the palette */
    bool each;                  /* of each picture by itself */
    size size;
    bool cover;                 /* the last one that has it is the program's picture in README.md */
} image;
void report_image(program *p, const image *i);

/* -- Charts */
typedef enum mark { LINE, DASHED, DOTS, LINE_AND_DOTS, THIN } mark;
typedef struct series {
    const char *name;           /* in the legend; NULL: it is not there */
    const double *x, *y;        /* not finite, or not positive on a log axis: a gap */
    int n;
    mark mark;
    int color;                  /* 0: the next one */
} series;
enum { SERIES_MAX = 12 };
typedef struct chart {
    const char *title, *caption; /* caption: below it, may be NULL */
    const char *x_name, *y_name, *unit; /* unit: behind the numbers of the y axis, as " %" */
    series series[SERIES_MAX];
    int x_log, y_log;           /* the base of a logarithmic axis, 2 or 10; 0: it is linear */
    double x_low, x_high, y_low, y_high; /* of the axes; both 0: from the data */
    const image *behind;        /* fills the frame; its caption and size do not matter */
    bool whole;                 /* x has whole numbers only, as those of epochs */
    bool last;                  /* the last y of each line as a number */
    size size;
    bool cover;                 /* as an image's */
} chart;
void report_chart(program *p, const chart *c);

/* -- For what is not foreseen above */
/* The page, inside an element of that class, which ends at the next call of report_...; style.h has
   the classes. NULL while an error is pending */
FILE *report_html(program *p, const char *class);
/* the image as an <img> */
void image_write(FILE *page, const image *i);
/* text as HTML */
void escape(FILE *page, const char *text);

#endif
