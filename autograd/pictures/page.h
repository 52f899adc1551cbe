/* The page without its graph: embed.py makes it of page.html, page.css and page.js. */
#ifndef COTANGENT_PAGE_H
#define COTANGENT_PAGE_H

/* from its beginning to where the graph goes as text, from there to where it goes as JSON, and to
 * its end; each ends with a zero */
extern const char ct__page_start[], ct__page_middle[], ct__page_end[];
#endif
