/* live-numbers FUNCTION ARGUMENT ...: prints what a function of docs/live/live.h returns, with which
 * live.mjs compares the page. */
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
    puts(answer);
    live_forget_text();
    return 0;
}
