/* A cohort: what was known of each patient before an index day, and what was found later. Days are
 * counted from that day, so that those before it are negative. */
#ifndef COHORT_H
#define COHORT_H
#include "program.h"

#include <math.h>
#include <string.h>

enum { BODY = 5, TESTS = 6, OF_TEST = 5, DISEASES = 10, OF_DISEASE = 2, /* features of each */
       FEATURES = BODY + OF_TEST * TESTS + OF_DISEASE * DISEASES,
       FLAGS = BODY + OF_TEST * TESTS, WIDE = FEATURES + FLAGS, OUTCOMES = 3, IDS = 20000 };

static const char *const body[BODY] = { "age", "male", "weight", "height", "bmi" };
static const char *const tests_of[TESTS] = { "hdl", "chol", "sbp", "dbp", "smoke", "fib4" };
/* the first ones are those to be foreseen */
static const char *const diseases[DISEASES] = { "diabetes", "heart failure", "MI", "afib", "stroke",
    "ang/isc", "cardiac arrest", "nafld", "htn", "dyslipidemia" };

/* measurements of one kind of one patient before the index day */
typedef struct series_of {
    double n, sum, squares, last, day;
} series_of;

typedef struct patient {
    double body[BODY], until;       /* until: the last day on which anything could be found */
    series_of tests[TESTS];
    double first[DISEASES];         /* the day of the first diagnosis; INFINITY: none */
} patient;

static const double days = 5 * 365.25;
static patient patients[IDS];
static int patient_count;

static inline patient *patient_new(void)
{
    if (patient_count == IDS)
        return NULL;
    patient *a = &patients[patient_count++];
    memset(a, 0, sizeof *a);
    for (int d = 0; d < DISEASES; d++)
        a->first[d] = INFINITY;
    return a;
}

static inline void note(series_of *s, double day, double value)
{
    if (isnan(value) || day >= 0) /* nothing from the index day on is a feature */
        return;
    value = fmin(value, 400); /* some pressures have lost their decimal point */
    if (s->n == 0 || day >= s->day)
        s->last = value, s->day = day;
    s->n++, s->sum += value, s->squares += value * value;
}

/* -- From files */
/* a column as doubles that live as long as the table; NULL on failure */
static inline const double *numbers(const ct_table *t, const char *name)
{
    return ct_data_f64(ct_cast(ct_table_column(t, name), CT_F64));
}

/* which[i]: the place in `names` of the column's category i; -1: it is none of them */
static inline void places(const ct_table *t, const char *column, const char *const *names, int n,
                          int which[16])
{
    for (int i = 0; i < 16; i++) {
        const char *text = ct_table_category(t, column, i);
        which[i] = -1;
        for (int k = 0; text && k < n; k++)
            if (strcmp(text, names[k]) == 0)
                which[i] = k;
    }
}

static inline ct_table *table(program *p, const char *file)
{
    return ct_read_csv(p->cx, program_words(p, "%s/%s.csv", p->data, file), NULL);
}

/* people.csv, measurements.csv and events.csv, as docs/programs/patients/data.sh makes them */
static inline bool read_cohort(program *p)
{
    static int at[IDS]; /* by id, from 1 */
    ct_scope scope = ct_scope_begin(p->cx);
    ct_table *people = table(p, "people"), *tests = table(p, "measurements");
    ct_table *events = table(p, "events");
    const double *id = numbers(people, "id"), *until = numbers(people, "futime");
    const double *of[BODY], *tested = numbers(tests, "id"), *day = numbers(tests, "days");
    const double *value = numbers(tests, "value"), *test = numbers(tests, "test");
    const double *found = numbers(events, "id"), *when = numbers(events, "days");
    const double *event = numbers(events, "event");
    int kinds[16], sorts[16];
    for (int k = 0; k < BODY; k++)
        of[k] = numbers(people, body[k]);
    places(tests, "test", tests_of, TESTS, kinds);
    places(events, "event", diseases, DISEASES, sorts);
    bool complete = !ct_error(p->cx);
    for (int64_t i = 0; complete && i < ct_table_rows(people); i++) {
        patient *a = id[i] > 0 && id[i] < IDS ? patient_new() : NULL;
        if (!a)
            continue;
        at[(int)id[i]] = patient_count;
        a->until = until[i];
        for (int k = 0; k < BODY; k++)
            a->body[k] = of[k][i];
    }
    for (int64_t i = 0; complete && i < ct_table_rows(tests); i++) {
        int who = tested[i] > 0 && tested[i] < IDS ? at[(int)tested[i]] : 0;
        int k = test[i] >= 0 && test[i] < 16 ? kinds[(int)test[i]] : -1;
        if (who > 0 && k >= 0)
            note(&patients[who - 1].tests[k], day[i], value[i]);
    }
    for (int64_t i = 0; complete && i < ct_table_rows(events); i++) {
        int who = found[i] > 0 && found[i] < IDS ? at[(int)found[i]] : 0;
        int k = event[i] >= 0 && event[i] < 16 ? sorts[(int)event[i]] : -1;
        if (who > 0 && k >= 0)
            patients[who - 1].first[k] = fmin(patients[who - 1].first[k], when[i]);
    }
    ct_table_free(people), ct_table_free(tests), ct_table_free(events);
    ct_scope_end(p->cx, scope);
    return complete;
}

/* -- Made up: age and a hidden burden raise what is measured and the rates of what is found */
static inline void invent_cohort(program *p, int n)
{
    double z[4 + 2 * TESTS + DISEASES];
    for (int i = 0; i < n && patient_new(); i++) {
        ct_scope scope = ct_scope_begin(p->cx);
        patient *a = &patients[i];
        ct_to_doubles(ct_randn(p->cx, CT_F64, CT_SHAPE(4 + 2 * TESTS + DISEASES)), z,
                      4 + 2 * TESTS + DISEASES);
        double age = 53 + 15 * z[0], burden = z[1], own[BODY] = { age, z[2] > 0, 0, 0, 0 };
        own[3] = 163 + 13 * own[1] + 7 * z[3], own[4] = 29 + 5 * burden;
        own[2] = own[4] * own[3] * own[3] / 1e4;
        memcpy(a->body, own, sizeof own);
        a->until = 3000;
        for (int k = 0; k < TESTS; k++)
            for (int t = 0; t < 3 && z[4 + k] > -0.5; t++)
                note(&a->tests[k], -300.0 * (3 - t), 50 + 10 * (burden + z[4 + TESTS + k]) + t);
        for (int d = 0; d < DISEASES; d++) { /* uniform from a normal number, then exponential */
            double u = erfc(z[4 + 2 * TESTS + d] / sqrt(2)) / 2;
            a->first[d] = -log(u) * 9000 * exp(-0.9 * burden - 0.04 * (age - 53)) - 2000;
        }
        ct_scope_end(p->cx, scope);
    }
}

/* -- Features: NaN where nothing is known */
static inline void features_of(const patient *a, double x[FEATURES])
{
    double *to = x;
    for (int k = 0; k < BODY; k++)
        *to++ = a->body[k];
    for (int k = 0; k < TESTS; k++) {
        const series_of *s = &a->tests[k];
        double mean = s->n > 0 ? s->sum / s->n : NAN;
        *to++ = s->n > 0 ? s->last : NAN;
        *to++ = mean;
        *to++ = s->n > 0 ? sqrt(fmax(0, s->squares / s->n - mean * mean)) : NAN;
        *to++ = log1p(s->n);
        *to++ = s->n > 0 ? -log1p(-s->day / 365.25) : NAN;
    }
    for (int d = 0; d < DISEASES; d++) {
        bool known = a->first[d] < 0;
        *to++ = known;
        *to++ = known ? 1 / (1 - a->first[d] / 365.25) : 0; /* 1 now, 1/2 a year ago */
    }
}

/* does a stand for the question whether he is found to have d within so many days? He did not have
   it before, and somebody looked for as long, or until it was found */
static inline bool counts_for(const patient *a, int d, double days)
{
    return a->first[d] > 0 && (a->first[d] <= days || a->until >= days);
}

/* -- As tensors, the patients in an order drawn at random */
/* x: features; y: was it found within five years; w: does that count for this patient (1 or 0) */
typedef struct people {
    ct_tensor *x, *y, *w;
} people;

static inline people people_new(program *p, int found[OUTCOMES], int asked[OUTCOMES])
{
    people a = { ct_empty(p->cx, CT_F64, CT_SHAPE(patient_count, FEATURES)),
                 ct_zeros(p->cx, CT_F64, CT_SHAPE(patient_count, OUTCOMES)),
                 ct_zeros(p->cx, CT_F64, CT_SHAPE(patient_count, OUTCOMES)) };
    double *x = ct_data_mutable(a.x), *y = ct_data_mutable(a.y), *w = ct_data_mutable(a.w);
    const int64_t *order = ct_data_i64(ct_randperm(p->cx, patient_count));
    for (int64_t i = 0; x && y && w && order && i < patient_count; i++) {
        const patient *one = &patients[order[i]];
        features_of(one, x + i * FEATURES);
        for (int d = 0; d < OUTCOMES; d++) {
            w[i * OUTCOMES + d] = counts_for(one, d, days);
            y[i * OUTCOMES + d] = one->first[d] <= days;
            asked[d] += w[i * OUTCOMES + d] > 0;
            found[d] += w[i * OUTCOMES + d] > 0 && y[i * OUTCOMES + d] > 0;
        }
    }
    return a;
}

/* rows from .. to-1, or all the others */
static inline ct_tensor *rows(ct_tensor *x, int64_t from, int64_t to, bool others)
{
    int64_t n = ct_size(x, 0);
    return !others ? ct_slice(x, 0, from, to, 1)
                   : ct_concat(CT_TENSORS(ct_slice(x, 0, 0, from, 1), ct_slice(x, 0, to, n, 1)), 0);
}

/* x less the mean of `of`, in its standard deviations; what is missing is 0, and a flag says so */
static inline ct_tensor *standard(ct_tensor *x, ct_tensor *of, bool flags)
{
    ct_tensor *known = ct_rsub(1, ct_cast(ct_isnan(of), CT_F64)), *zero = ct_zeros_like(of);
    ct_tensor *n = ct_sum_over(known, CT_AXES(0), 0), *missing = ct_isnan(x);
    ct_tensor *mean = ct_div(ct_sum_over(ct_where(ct_isnan(of), zero, of), CT_AXES(0), 0), n);
    ct_tensor *apart = ct_where(ct_isnan(of), zero, ct_sub(of, mean));
    ct_tensor *sd = ct_sqrt(ct_div(ct_sum_over(ct_square(apart), CT_AXES(0), 0), n));
    ct_tensor *z = ct_clamp(ct_div(ct_sub(x, mean), ct_shift(sd, 1e-6)), -4, 4);
    z = ct_where(missing, ct_zeros_like(z), z);
    ct_tensor *flag = ct_slice(ct_cast(missing, CT_F64), 1, 0, FLAGS, 1);
    return flags ? ct_concat(CT_TENSORS(z, flag), 1) : z;
}

#endif
