/* Linked with a layer whole and those below it: a call upward finds nothing to call. */
int main(void)
{
    return 0;
}
