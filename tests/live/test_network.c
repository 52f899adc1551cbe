/* docs/live: the small network. */
#include "live.h"
#include "support.h"

static double number_after(const char *from, const char *key)
{
    const char *at = strstr(from, key);
    ck_assert_msg(at, "%s is not in %s", key, from);
    return strtod(at + strlen(key), NULL);
}

/* 2 by 8, 8, 8 by 1, 1 numbers; after some steps of Adam every kind of points is learned */
START_TEST(it_learns)
{
    for (int points = LIVE_MOONS; points <= LIVE_SPIRALS; points++) {
        int layers = points == LIVE_SPIRALS ? 3 : 1, width = points == LIVE_SPIRALS ? 16 : 8;
        const char *answer = live_network(points, layers, width, CT_TANH, 0.03, true);
        if (layers == 1)
            ck_assert(number_after(answer, "\"elements\": ") == 2 * 8 + 8 + 8 + 1);
        answer = live_network_train(1);
        ck_assert(number_after(answer, "\"step\": ") == 0);
        double before = number_after(answer, "\"loss\": ");
        ck_assert(before > 0.3);
        answer = live_network_train(600);
        ck_assert(number_after(answer, "\"step\": ") == 600);
        ck_assert_msg(number_after(answer, "\"loss\": ") < before / 5, "points %d: %g, %g", points,
                      before, number_after(answer, "\"loss\": "));
        ck_assert(number_after(answer, "\"right\": ") >= 195);
    }
    live_network_end();
}
END_TEST

/* the surface at the points' places is what "right" counts */
START_TEST(surface)
{
    ck_assert(!live_network_surface(10));
    live_network(LIVE_XOR, 1, 8, CT_TANH, 0.05, true);
    live_network_train(500);
    const float *p = live_network_surface(4);
    static const int kinds[16] = { 1, 1, 0, 0,  1, 1, 0, 0,  0, 0, 1, 1,  0, 0, 1, 1 };
    for (int i = 0; i < 16; i++)
        ck_assert_msg((p[i] > 0.5) == kinds[i], "%d: %g", i, (double)p[i]);
    ck_assert(!live_network_surface(1) && !live_network_surface(129));
    live_network_end();
}
END_TEST

START_TEST(bad_networks)
{
    ck_assert(strstr(live_network_train(1), "{\"error\": \"there is no network yet\"}"));
    ck_assert(strstr(live_network(4, 1, 8, CT_TANH, 0.1, true), "no such points"));
    ck_assert(strstr(live_network(0, 5, 8, CT_TANH, 0.1, true), "1 to 4 hidden layers"));
    ck_assert(strstr(live_network(0, 1, 17, CT_TANH, 0.1, true), "1 to 16 wide"));
    ck_assert(strstr(live_network(0, 1, 8, 99, 0.1, true), "no such activation"));
    ck_assert(strstr(live_network(0, 1, 8, CT_TANH, NAN, true), "rate must be more than 0"));
    ck_assert(!strstr(live_network(0, 1, 8, CT_TANH, 0.1, false), "error"));
    ck_assert(strstr(live_network_train(0), "from 1 to 1000"));
    live_network_end();
    live_forget_text();
}
END_TEST

Suite *live_network_suite(void);
Suite *live_network_suite(void)
{
    return make_suite("live/network", (const TTest *[]){ it_learns, surface, bad_networks, NULL });
}
