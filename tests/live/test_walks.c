/* docs/live: the three walks of tutorial 1. */
#include "live.h"
#include "support.h"

static bool has(const char *answer, const char *part) { return strstr(answer, part) != NULL; }

/* the figures of docs/tutorial/01_chain_rule.txt */
START_TEST(doublings)
{
    const char *answer = live_walks(2, false, 1);
    ck_assert_msg(has(answer, "{\"values\": [1,2,4], \"greedy\": {\"visits\": 7, \"g\": [6,2,1]}, "
                              "\"paths\": {\"visits\": 7, \"g\": [4,2,1]}, "
                              "\"order\": {\"visits\": 3, \"g\": [4,2,1]}, \"recorded\": 4, "
                              "\"difference\": 4"), "%s", answer);
    answer = live_walks(20, false, 1);
    ck_assert_msg(has(answer, "\"greedy\": {\"visits\": 2097151"), "%s", answer);
    ck_assert_msg(has(answer, "\"recorded\": 1048576"), "%s", answer);
}
END_TEST

/* x^4 at 3: 4 x^3 is 108 */
START_TEST(squares)
{
    const char *answer = live_walks(2, true, 3);
    ck_assert_msg(has(answer, "{\"values\": [3,9,81], \"greedy\": {\"visits\": 7, "
                              "\"g\": [162,18,1]}"), "%s", answer);
    ck_assert_msg(has(answer, "\"order\": {\"visits\": 3, \"g\": [108,18,1]}, "
                              "\"recorded\": 108"), "%s", answer);
}
END_TEST

START_TEST(bad_lengths)
{
    ck_assert(has(live_walks(0, false, 1), "{\"error\": \"the length must be from 1 to 20"));
    ck_assert(has(live_walks(21, false, 1), "error"));
    ck_assert(has(live_walks(9, true, 1), "error"));
    live_forget_text();
}
END_TEST

Suite *live_walks_suite(void);
Suite *live_walks_suite(void)
{
    return make_suite("live/walks", (const TTest *[]){
        doublings, squares, bad_lengths, NULL });
}
