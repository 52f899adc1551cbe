/* nn/optimizers/schedule.c against torch.optim.lr_scheduler (tests/nn/torch/optimizers.py). */
#include "torch/figures.h"

enum { STEPS = 100 };

static const ct_schedule joined[] = {
    { .kind = CT_WARM_UP, .steps = 10, .rate = 0.3, .begin = 0.075 },
    { .kind = CT_COSINE, .steps = 50, .rate = 0.3, .end = 0.02 },
    { .kind = CT_EXPONENTIAL, .rate = 0.3, .factor = 0.9 },
};

static const struct {
    const char *name;
    ct_schedule schedule;
} all[] = {
    { "step", { .kind = CT_STEPS, .steps = 15, .rate = 0.3, .factor = 0.5 } },
    { "multi_step", { .kind = CT_MILESTONES, .rate = 0.3, .factor = 0.3, .count = 4,
                      .milestones = (const int64_t[]){ 10, 40, 41, 90 } } },
    { "exponential", { .kind = CT_EXPONENTIAL, .rate = 0.3, .factor = 0.97 } },
    { "cosine", { .kind = CT_COSINE, .steps = 99, .rate = 0.3, .end = 0.01 } },
    { "cosine_restarts", { .kind = CT_COSINE_RESTARTS, .steps = 30, .rate = 0.3, .end = 0.01 } },
    { "cosine_restarts_longer", { .kind = CT_COSINE_RESTARTS, .steps = 9, .rate = 0.3,
        .growth = 2 } },
    { "warm_up", { .kind = CT_WARM_UP, .steps = 33, .rate = 0.3, .begin = 0.03 } },
    { "one_cycle", { .kind = CT_ONE_CYCLE, .steps = 100, .rate = 0.3 } },
    { "one_cycle_other", { .kind = CT_ONE_CYCLE, .steps = 100, .rate = 0.3, .share = 0.45,
        .begin = 0.03,
                           .end = 0.0003 } },
    { "polynomial", { .kind = CT_POLYNOMIAL, .steps = 80, .rate = 0.3, .power = 2.5 } },
    { "joined", { .kind = CT_JOINED, .parts = joined, .count = 3 } },
};

START_TEST(a_hundred_rates_are_those_of_pytorch)
{
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        double want[STEPS];
        figures("optimizers.txt", all[k].name, want, STEPS);
        for (int t = 0; t < STEPS; t++) {
            double rate = ct_schedule_rate(&all[k].schedule, t);
            ck_assert_msg(fabs(rate - want[t]) < 1e-11, "%s: rate %d is %.12g, not %.12g",
                          all[k].name, t, rate, want[t]);
        }
    }
    ct_schedule constant = { .kind = CT_CONSTANT, .rate = 0.25 };
    ck_assert_double_eq(ct_schedule_rate(&constant, 7), 0.25);
}
END_TEST

/* so few steps that the top lies before the first one, or onto the last */
START_TEST(short_cycles_are_those_of_pytorch)
{
    static const struct {
        const char *name;
        double share;
    } cycles[] = { { "", 0 }, { "_half", 0.55 }, { "_rise", 1 } };
    for (int n = 1; n <= 5; n++)
        for (int k = 0; k < (n > 1 ? 3 : 2); k++) {
            const ct_schedule cycle = { .kind = CT_ONE_CYCLE, .steps = n, .rate = 0.3,
                                        .share = cycles[k].share };
            char name[32];
            double want[5];
            snprintf(name, sizeof name, "one_cycle_%d%s", n, cycles[k].name);
            figures("optimizers.txt", name, want, n);
            for (int t = 0; t < n; t++)
                ck_assert_msg(fabs(ct_schedule_rate(&cycle, t) - want[t]) < 1e-11,
                              "%s: rate %d is %.12g, not %.12g", name, t,
                              ct_schedule_rate(&cycle, t), want[t]);
        }
    /* PyTorch divides by zero where a part has no length: the top is step 0 itself */
    const ct_schedule half = { .kind = CT_ONE_CYCLE, .steps = 2, .rate = 0.3, .share = 0.5 };
    const ct_schedule one = { .kind = CT_ONE_CYCLE, .steps = 1, .rate = 0.3, .share = 1 };
    ck_assert_double_eq(ct_schedule_rate(&half, 0), 0.3);
    ck_assert_double_eq_tol(ct_schedule_rate(&half, 1), 0.3 / 25 / 1e4, 1e-18);
    ck_assert_double_eq(ct_schedule_rate(&one, 0), 0.3);
}
END_TEST

/* where they end, and long behind it */
START_TEST(ends)
{
    ck_assert_double_eq(ct_schedule_rate(&all[6].schedule, INT64_MAX), 0.3);
    ck_assert_double_eq(ct_schedule_rate(&all[9].schedule, INT64_MAX), 0);
    ck_assert_double_eq_tol(ct_schedule_rate(&all[7].schedule, 99), 0.3 / 25 / 1e4, 1e-18);
    ck_assert_double_eq_tol(ct_schedule_rate(&all[7].schedule, 12345), 0.3 / 25 / 1e4, 1e-18);
    ck_assert_double_eq(ct_schedule_rate(&all[2].schedule, INT64_MAX), 0);
    ct_schedule part = { .kind = CT_CONSTANT, .rate = 1, .length = 3 }, parts[] = { part,
        all[0].schedule };
    ct_schedule inner = { .kind = CT_JOINED, .parts = parts, .count = 2, .length = 5 };
    ct_schedule two[] = { inner, { .kind = CT_CONSTANT, .rate = 2 } };
    ct_schedule outer = { .kind = CT_JOINED, .parts = two, .count = 2 };
    const double want[] = { 1, 1, 1, 0.3, 0.3, 2, 2 };
    for (int t = 0; t < 7; t++)
        ck_assert_double_eq(ct_schedule_rate(&outer, t), want[t]);
}
END_TEST

START_TEST(schedules_that_lack_something)
{
    const ct_schedule no_length = { .kind = CT_CONSTANT, .rate = 1 };
    const ct_schedule parts[] = { no_length, no_length };
    const ct_schedule wrong[] = {
        { .rate = 1 }, { .kind = (ct_schedule_kind)11, .rate = 1 }, { .kind = CT_STEPS, .rate = 1,
            .factor = 0.5 },
        { .kind = CT_STEPS, .rate = 1, .steps = 3 }, { .kind = CT_MILESTONES, .rate = 1,
            .count = 2, .factor = 1 },
        { .kind = CT_EXPONENTIAL, .rate = 1 }, { .kind = CT_COSINE, .rate = 1 },
        { .kind = CT_COSINE_RESTARTS, .rate = 1 },
        { .kind = CT_WARM_UP, .rate = 1, .steps = -2 }, { .kind = CT_ONE_CYCLE, .rate = 1 },
        { .kind = CT_ONE_CYCLE, .rate = 1, .steps = 30, .share = 1.1 },
        { .kind = CT_ONE_CYCLE, .rate = 1, .steps = 30, .share = NAN }, { .kind = CT_POLYNOMIAL,
            .rate = 1 },
        { .kind = CT_JOINED, .count = 1 }, { .kind = CT_JOINED, .parts = parts, .count = 2 },
        { .kind = CT_CONSTANT, .rate = 1, .reserved = { 1 } },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(isnan(ct_schedule_rate(&wrong[i], 1)), "schedule %d has a rate", (int)i);
    ck_assert(isnan(ct_schedule_rate(&all[0].schedule, -1)));
    ck_assert(isnan(ct_schedule_rate(NULL, 1)));
    ct_schedule circle = { .kind = CT_JOINED, .count = 1 };
    circle.parts = &circle;
    ck_assert(isnan(ct_schedule_rate(&circle, 1)));
}
END_TEST

START_TEST(plateaus_are_those_of_pytorch)
{
    ct_plateau plateaus[] = { { .maximize = false },
                              { .maximize = true, .factor = 0.5, .patience = 2, .threshold = 0.01,
                                .cooldown = 4, .least_rate = 1e-3 } };
    static const char *const names[] = { "plateau", "plateau_other" };
    for (int k = 0; k < 2; k++) {
        double want[STEPS], rate = 0.3;
        figures("optimizers.txt", names[k], want, STEPS);
        for (int t = 0; t < STEPS; t++) {
            double metric = 1.0 / (1 + t / 3) + 0.2 * cos((double)(t * t)) + (t > 60 ? 0.5 : 0);
            rate = ct_plateau_rate(&plateaus[k], rate, metric);
            ck_assert_msg(fabs(rate - want[t]) < 1e-11, "%s: rate %d is %.12g, not %.12g", names[k],
                          t, rate, want[t]);
        }
    }
    ct_plateau strict = { .patience = -1, .threshold = -1 };
    ck_assert_double_eq(ct_plateau_rate(&strict, 1, 5), 1);
    ck_assert_double_eq(ct_plateau_rate(&strict, 1, 5), 0.1);
    ck_assert_double_eq(ct_plateau_rate(&strict, 1, 4.9999), 1);
    ck_assert_double_eq(ct_plateau_rate(&strict, 1, NAN), 0.1);
    ck_assert(isnan(ct_plateau_rate(NULL, 1, 1)));
}
END_TEST

Suite *schedule_suite(void);
Suite *schedule_suite(void)
{
    const TTest *const tests[] = {
        a_hundred_rates_are_those_of_pytorch, short_cycles_are_those_of_pytorch, ends,
        schedules_that_lack_something,
        plateaus_are_those_of_pytorch, NULL };
    return make_suite("nn/schedule", tests);
}
