/* docs/live: digits that a reader draws, and what the network learns of them. */
#include "live.h"
#include "support.h"

static double number_after(const char *from, const char *key)
{
    const char *at = strstr(from, key);
    ck_assert_msg(at, "%s is not in %s", key, from);
    return strtod(at + strlen(key), NULL);
}

/* a stroke through n points */
static void stroke(const double *xy, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert(!strstr(live_digits_point(xy[2 * i], xy[2 * i + 1], i == 0), "error"));
}

static void draw_zero(void)
{
    live_digits_clear();
    for (int i = 0; i <= 24; i++)
        live_digits_point(60 * sin(i * acos(-1) / 12), 90 * cos(i * acos(-1) / 12), i == 0);
}

static void draw_one(void)
{
    live_digits_clear();
    stroke((const double[]){ 50, 10, 45, 200 }, 2);
}

static void draw_seven(void)
{
    live_digits_clear();
    stroke((const double[]){ 10, 10, 110, 12, 50, 180 }, 3);
}

/* which no digit looks like */
static void draw_cross(void)
{
    live_digits_clear();
    stroke((const double[]){ 0, 0, 100, 100 }, 2);
    stroke((const double[]){ 0, 100, 100, 0 }, 2);
}

/* the digit of which it is surest */
static int guess(void)
{
    const char *answer = live_digits_guess(), *at = strstr(answer, "[");
    ck_assert_msg(at, "%s", answer);
    double best = -1, sum = 0;
    int digit = -1;
    char *end = (char *)at;
    for (int i = 0; i < 10; i++) {
        double share = strtod(end + 1, &end);
        sum += share;
        if (share > best) {
            best = share;
            digit = i;
        }
    }
    ck_assert(fabs(sum - 1) < 1e-5);
    return digit;
}

static void expect(void (*draw)(void), int digit)
{
    draw();
    ck_assert_int_eq(guess(), digit);
}

START_TEST(it_reads)
{
    ck_assert(number_after(live_digits(true), "\"right\": ") > 96);
    expect(draw_zero, 0);
    expect(draw_one, 1);
    expect(draw_seven, 7);
    const float *image = live_digits_image();
    double ink = 0;
    for (int i = 0; i < 784; i++)
        ink += (double)image[i];
    ck_assert_msg(ink > 50 && ink < 200, "%g pixels of ink", ink);
    ck_assert(image[0] == 0 && image[783] == 0);
    live_digits_end();
}
END_TEST

/* it learns a sign that it never saw, and has not forgotten the others */
START_TEST(it_learns)
{
    live_digits(true);
    draw_cross();
    ck_assert(strstr(live_digits_keep(3), "{\"examples\": 1}"));
    double before = number_after(live_digits_train(1), "\"loss\": ");
    double after = number_after(live_digits_train(60), "\"loss\": ");
    ck_assert_msg(after < before / 3, "%g, %g", before, after);
    ck_assert_int_eq(guess(), 3);
    expect(draw_zero, 0);
    expect(draw_one, 1);
    expect(draw_seven, 7);
    live_digits_end();
}
END_TEST

/* from nothing: two signs, which it then tells apart */
START_TEST(from_nothing)
{
    ck_assert(number_after(live_digits(false), "\"right\": ") == 10);
    draw_one();
    live_digits_keep(8);
    live_digits_train(60);
    draw_zero();
    live_digits_keep(2);
    live_digits_train(60);
    ck_assert_int_eq(guess(), 2);
    expect(draw_one, 8);
    live_digits_end();
}
END_TEST

START_TEST(bad_digits)
{
    ck_assert(strstr(live_digits_guess(), "{\"error\": \"there is no network yet\"}"));
    live_digits(true);
    ck_assert(strstr(live_digits_guess(), "nothing is drawn yet"));
    ck_assert(strstr(live_digits_keep(3), "nothing is drawn yet"));
    ck_assert(strstr(live_digits_train(1), "no digit to learn from"));
    ck_assert(strstr(live_digits_point(NAN, 0, true), "must be finite"));
    live_digits_point(1, 1, true); /* a dot */
    ck_assert(strstr(live_digits_guess(), "\"shares\""));
    ck_assert(strstr(live_digits_keep(10), "from 0 to 9"));
    for (int i = 1; i < 1000; i++)
        live_digits_point(i, i, false);
    ck_assert(strstr(live_digits_point(0, 0, false), "at most 1000 points"));
    for (int i = 0; i < 200; i++)
        live_digits_keep(1);
    ck_assert(strstr(live_digits_keep(1), "at most 200 digits"));
    ck_assert(strstr(live_digits_train(0), "from 1 to 1000"));
    live_digits_end();
    live_forget_text();
}
END_TEST

Suite *live_digits_suite(void);
Suite *live_digits_suite(void)
{
    return make_suite("live/digits", (const TTest *[]){
        it_reads, it_learns, from_nothing, bad_digits, NULL });
}
