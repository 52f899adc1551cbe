/* What the pages call. Each function returns a text in JSON, which is valid until the next call:
 * {"error": "..."} if something is wrong, else what its comment says. Numbers that are not finite
 * are the texts "nan", "inf", "-inf". */
#ifndef LIVE_H
#define LIVE_H
#include <cotangent.h>

#ifdef __EMSCRIPTEN__
#include <emscripten.h>
#define LIVE_CALL EMSCRIPTEN_KEEPALIVE
#else
#define LIVE_CALL
#endif

/* -- A function, in the language of language.h */
/* {"value": 0.1, "names": [{"name": "x", "variable": true, "shape": "()", "value": [2],
    "gradient": [1], "difference": [0.99]}], "graph": "..."}
   The difference of a variable is (f(x + h) - f(x - h)) / 2h for each element; it is null for other
   names, and if the variables have more than 64 elements together. The graph is ct_graph_text. Of
   an error in the text, "line", "column" and "at" say where it is, as language.h has them. */
LIVE_CALL const char *live_expression(const char *text);
/* {}, and writes the page that steps through the function's graph to the file */
LIVE_CALL const char *live_page(const char *text, const char *path);
/* ["abs", ...]: the names of all functions */
LIVE_CALL const char *live_function_names(void);
LIVE_CALL const char *live_version(void);      /* the library's, which is no JSON: 0.1.0 */

/* -- Walks over a chain of doublings or squares, x_k = x_{k-1} + x_{k-1} or x_{k-1}^2, as tutorial
 * 1 has them. n is from 1 to 20, or for squares from 1 to 8 */
/* {"values": [x_0, ...], "greedy": {"visits": 7, "g": [...]}, "paths": ..., "order": ...,
    "recorded": 4, "difference": 4}: g is what each walk says of every vertex */
LIVE_CALL const char *live_walks(int n, bool squares, double x);


/* -- A small network, which learns which of two kinds a point is of. Points are in a square from
 * -1.5 to 1.5 */
typedef enum live_points { LIVE_MOONS, LIVE_XOR, LIVE_RINGS, LIVE_SPIRALS } live_points;
/* {"points": [x, y, x, y, ...], "kinds": [0, 1, ...], "elements": 33}, of which the last is how
   many numbers will be learned. The network has so many hidden layers of that width, and takes the
   place of the one before; its steps are Adam's, or plain gradient descent. `activation` is a
   ct_activation */
LIVE_CALL const char *live_network(int points, int layers, int width, int activation, double rate,
                                   bool adam);
/* {"step": 0, "loss": 0.69, "right": 100, "parameters": [{"name": "0.weight", "shape": "(8,2)",
    "value": [...], "gradient": [...]}]}: what was so before the last of these steps was taken.
   `right` is how many points it gets right */
LIVE_CALL const char *live_network_train(int steps);
/* what the network says of n times n points, row by row from above: numbers from 0 to 1, valid
   until the next call. NULL: there is no network, or n is not from 2 to 128 */
LIVE_CALL const float *live_network_surface(int n);
void live_network_end(void);                   /* frees it */

/* -- Digits that a reader draws. There is one network at a time */
/* {"right": 97.5, "weights": 9946}: a new network, without examples: one that was trained on MNIST,
   of whose test images it gets so many percent right, or one that knows nothing */
LIVE_CALL const char *live_digits(bool trained);
LIVE_CALL const char *live_digits_clear(void); /* {}: what is drawn is gone */
/* {"points": 1}: the pen comes to (x, y), in any unit, where y goes down; `begins`: it was up */
LIVE_CALL const char *live_digits_point(double x, double y, bool begins);
/* {"shares": [...]}: for each digit from 0 to 9, how sure the network is that it is drawn */
LIVE_CALL const char *live_digits_guess(void);
/* the picture of the last guess: 28 x 28, 1 is ink */
LIVE_CALL const float *live_digits_image(void);
/* {"examples": 1}: what is drawn is to be learned as this digit */
LIVE_CALL const char *live_digits_keep(int label);
/* {"step": 10, "loss": 0.1}: so many steps, each on 24 of what was kept, moved at random */
LIVE_CALL const char *live_digits_train(int steps);
void live_digits_end(void);                    /* frees it */

/* -- For the other files: the text that a function returns */
void live_begin(void);
void live_print(const char *format, ...) CT_PRINTF(1, 2);
void live_quote(const char *text);             /* in quotes, escaped */
void live_number(double value);
void live_numbers(const double *value, int64_t n);
void live_tensor(const ct_tensor *x);          /* its elements; NULL: null */
const char *live_finish(void);
void live_forget_text(void);                   /* frees its memory */
const char *live_fail(const char *why);        /* the text is {"error": why} */
#endif
