/* UTF-8 (RFC 3629). */
#ifndef COTANGENT_UTF8_H
#define COTANGENT_UTF8_H
#include <stdint.h>

enum { CT__CODES = 0x110000 };

/* the bytes of the character at `at`, a text that ends with a zero byte: 1 to 4, or 0 if it is not
   UTF-8; *code becomes its number */
static inline int ct__utf8(const char *at, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)at;
    const int bytes = *p < 0x80 ? 1
                    : *p < 0xc0 || *p >= 0xf8 ? 0
                    : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    uint32_t c = bytes > 1 ? *p & 0xffu >> (bytes + 1) : *p;
    *code = 0;
    for (int i = 1; i < bytes; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    *code = c;
    return c < least[bytes] || c >= CT__CODES || (c >= 0xd800 && c < 0xe000) ? 0 : bytes;
}

/* writes the character, and returns its bytes */
static inline int ct__utf8_put(char *to, uint32_t c)
{
    const int bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (int i = bytes - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(unsigned char)(0x80 | (c & 0x3f));
    to[0] = (char)(unsigned char)(first[bytes] | c);
    return bytes;
}
#endif
