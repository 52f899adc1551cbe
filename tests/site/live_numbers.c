/* live-numbers FUNCTION ARGUMENT ...: prints what a function of docs/live/live.h returns, with
 * which live.mjs compares the page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"

int main(int count, char **argument)
{
    const char *answer = "{\"error\": \"live-numbers: expression TEXT\"}";
    if (count == 3 && strcmp(argument[1], "expression") == 0)
        answer = live_expression(argument[2]);
    if (count == 5 && strcmp(argument[1], "walks") == 0)
        answer = live_walks(atoi(argument[2]), atoi(argument[3]) != 0, atof(argument[4]));
    if (count == 9 && strcmp(argument[1], "network") == 0) {
        live_network(atoi(argument[2]), atoi(argument[3]), atoi(argument[4]), atoi(argument[5]),
                     atof(argument[6]), atoi(argument[7]) != 0);
        answer = live_network_train(atoi(argument[8]));
        live_network_end();
    }
    if (count == 2 && strcmp(argument[1], "digits") == 0)
        answer = live_digits(true);
    puts(answer);
    live_digits_end();
    live_forget_text();
    return 0;
}
