/* The text of lyrics: where it comes from, and its characters as numbers from 0 to kinds - 1. */
#ifndef TEXT_H
#define TEXT_H
#include "program.h"
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1 << 23, KINDS = 2000, CODES = 1 << 21 };

static int text[LONGEST];
static int64_t length;
static int kinds;
static char names[KINDS][5];    /* each character in UTF-8 */
static int number_of[CODES];    /* by its code in Unicode: how often it occurs, then its number */

/* a code, or EOF */
static inline int read_code(FILE *f)
{
    int c = getc(f), more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    for (int code = c & 0x3f >> more; more > 0; more--, c = code) {
        int next = getc(f);
        if (next == EOF)
            return EOF;
        code = code << 6 | (next & 0x3f);
    }
    return c;
}

static inline void name(char *to, int code)
{
    static const int first[] = { 0, 0xc0, 0xe0, 0xf0 };
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *to++ = (char)(first[more] | code >> 6 * more);
    for (int i = more - 1; i >= 0; i--)
        *to++ = (char)(0x80 | (code >> 6 * i & 0x3f));
    *to = '\0';
}

static inline int more_often(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return number_of[x] != number_of[y] ? number_of[y] - number_of[x] : x - y;
}

/* codes become numbers: the commonest is 0. All beyond KINDS - 1 become the last one, a square */
static inline void number_characters(void)
{
    static int codes[CODES];
    int n = 0;
    for (int64_t i = 0; i < length; i++)
        if (number_of[text[i]]++ == 0)
            codes[n++] = text[i];
    qsort(codes, (size_t)n, sizeof *codes, more_often);
    kinds = n < KINDS ? n : KINDS;
    for (int i = 0; i < n; i++) {
        number_of[codes[i]] = i < KINDS - 1 ? i : KINDS - 1;
        name(names[number_of[codes[i]]], n > KINDS && i >= KINDS - 1 ? 0x25a1 : codes[i]);
    }
    for (int64_t i = 0; i < length; i++)
        text[i] = number_of[text[i]];
}

/* a grammar writes verses, for want of a text */
static inline void write_grammar(ct_context *cx, int64_t n)
{
    static const char *const words[][8] = {
        { "And ", "Then ", "But ", "For ", "Now ", "And lo, ", "Behold, ", "So " },
        { "the king", "the river", "a stranger", "the shepherd", "the daughter of the king",
          "the wind", "the elder", "his brother" },
        { " said unto ", " went up to ", " knew not ", " came before ", " sought ", " sang of ",
          " answered ", " dwelt beside " },
        { "the people", "the mountain", "his servants", "the city", "the sea", "the gate",
          "her sister", "the field" },
        { ".\n", ";\n", ", saying, Peace.\n", " in the evening.\n", ", and wept.\n", ":\n",
          ", and it was so.\n", " all the days.\n" } };
    for (int k = 0; length < n; k = (k + 1) % 5)
        for (const char *c = words[k][ct_random_u64(cx) >> 61]; *c && length < n; c++)
            text[length++] = *c;
}

static const char *file;

/* an option's value, which is kept */
static inline bool take(const char *value, void *user)
{
    *(const char **)user = value;
    return true;
}
static const option text_option[] = {
    { "--text", "FILE", "a text in UTF-8 instead of the Bible", .read = take, .user = &file }
};

/* in lines of 79 characters, without the numbers of verses and the names of chapters */
#define BIBLE "COLUMNS=80 bible gen1:1-rev22:21 2>/dev/null | " \
              "sed -E 's/^ *[0-9]+ //; /^$/d; /[0-9]$/d'"

/* Reads the file, or the Bible if that is NULL; where that is too short, the grammar writes. Says
   where the text comes from */
static inline void read_text(program *p, int64_t least)
{
    FILE *from = p->tiny ? NULL : file ? fopen(file, "rb") : popen(BIBLE, "r");
    for (int c; from && length < LONGEST && (c = read_code(from)) != EOF;)
        text[length++] = c & (CODES - 1);
    if (from)
        file ? fclose(from) : pclose(from);
    const char *source = file ? file : "the King James Bible, of Debian's package bible-kjv";
    if (length < least)
        length = 0, write_grammar(p->cx, least), source = "verses that a small grammar writes";
    number_characters();
    program_say(p, "the text: %s; %lld characters of %d kinds", source, (long long)length, kinds);
    report_text(p, "The text: %s. It has %lld characters, of %d kinds. The last twentieth is held "
                "out: nothing is learned from it.", source, (long long)length, kinds);
}


/* n equal stretches of text, side by side: (T,n) */
static inline ct_tensor *streams(ct_context *cx, int64_t from, int64_t to, int64_t n)
{
    ct_tensor *x = ct_empty(cx, CT_I64, CT_SHAPE((to - from) / n, n));
    int64_t *at = ct_data_mutable(x);
    for (int64_t i = 0; at && i < ct_count(x); i++)
        at[i] = text[from + i % n * ((to - from) / n) + i / n];
    return x;
}
#endif
