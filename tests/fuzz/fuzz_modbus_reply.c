/* Any bytes as what a Modbus device answers, cut anywhere: a verdict, never more words than
 * were asked for, and none unless the verdict is good. The first three bytes choose the
 * request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/modbus/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNTOUCHED = 0xa5a5 };

static void must(int holds)
{
    if (!holds) {
        abort();
    }
}

static struct pdu_request make_request(const uint8_t *data, uint16_t *word)
{
    static const enum pdu_function functions[] = {PDU_READ_HOLDING, PDU_READ_INPUT,
                                                  PDU_WRITE_ONE, PDU_WRITE_MANY};
    struct pdu_request request = {.function = functions[data[0] % 4],
                                  .unit = data[1],
                                  .address = 2,
                                  .n = (uint16_t) (1 + data[2] % PDU_MAX_WRITE),
                                  .word = word};
    request.n = request.function == PDU_WRITE_ONE ? 1 : request.n;
    return request;
}

/* Feeds what fits, as a connection would. */
static size_t feed(struct mbap_input *input, const uint8_t *data, size_t size)
{
    size_t room = sizeof input->byte - input->used, n = size < room ? size : room;
    n = n > 1 ? n / 2 + 1 : n;
    memcpy(input->byte + input->used, data, n);
    input->used += n;
    return n;
}

static void check_words(const struct pdu_request *request, enum mbap_verdict verdict)
{
    int is_read = request->function == PDU_READ_HOLDING || request->function == PDU_READ_INPUT;
    for (unsigned i = verdict == MBAP_GOOD && is_read ? request->n : 0; i < PDU_MAX_READ; i++) {
        must(request->word[i] == UNTOUCHED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t word[PDU_MAX_READ];
    struct mbap_input input = {0};
    enum mbap_verdict verdict = MBAP_MORE;
    unsigned exception = 0;
    uint64_t n_late = 0;
    if (size < 3) {
        return 0;
    }
    for (unsigned i = 0; i < PDU_MAX_READ; i++) {
        word[i] = UNTOUCHED;
    }
    struct pdu_request request = make_request(data, word);
    for (size_t at = 3; at < size && verdict == MBAP_MORE;) {
        size_t n = feed(&input, data + at, size - at);
        must(n > 0); /* an answer that is awaited always has room */
        at += n;
        verdict = mbap_take(&input, &request, 5, &exception, &n_late);
    }
    must(verdict != MBAP_EXCEPTION ||
         (exception >= EXCEPTION_FIRST && exception <= EXCEPTION_LAST));
    check_words(&request, verdict);
    return 0;
}
