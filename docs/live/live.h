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

/* -- Walks over a chain of doublings or squares, x_k = x_{k-1} + x_{k-1} or x_{k-1}^2, as tutorial 1
 * has them. n is from 1 to 20, or for squares from 1 to 8 */
/* {"values": [x_0, ...], "greedy": {"visits": 7, "g": [...]}, "paths": ..., "order": ...,
    "recorded": 4, "difference": 4}: g is what each walk says of every vertex */
LIVE_CALL const char *live_walks(int n, bool squares, double x);



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
