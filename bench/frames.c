/* Counts the frames that open streams receive, as bench/wire.py's FrameCounter does. bench/native.py
 * compiles and calls it. It keeps no frames: of each stream only the last bytes, in which a mark or a
 * frame's end may have begun. MOST_AT_A_TIME and READ_BYTES come from there. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_MARK = 64, ENDED = -1, NO_POLL = -2 };

struct stream {
    int32_t unfinished; /* marks since the last end of a frame */
    uint32_t kept;      /* bytes of `tail` */
    char tail[LONGEST_MARK];
};

struct counter {
    size_t mark_bytes, end_bytes;
    char mark[LONGEST_MARK], end[LONGEST_MARK];
    struct epoll_event events[MOST_AT_A_TIME];
    char buffer[LONGEST_MARK + READ_BYTES];
    struct stream of[];
};

/* NULL without memory or with a mark that is empty or too long. */
struct counter *counter_new(const char *mark, size_t mark_bytes, const char *end, size_t end_bytes,
                            size_t streams) {
    struct counter *counter;
    if (!mark_bytes || mark_bytes > LONGEST_MARK || !end_bytes || end_bytes > LONGEST_MARK)
        return NULL;
    counter = calloc(1, sizeof *counter + streams * sizeof(struct stream));
    if (!counter)
        return NULL;
    counter->mark_bytes = mark_bytes;
    counter->end_bytes = end_bytes;
    memcpy(counter->mark, mark, mark_bytes);
    memcpy(counter->end, end, end_bytes);
    return counter;
}

void counter_free(struct counter *counter) { free(counter); }

static int count(const char *from, const char *to, const char *what, size_t bytes) {
    int found = 0;
    while ((from = memmem(from, to - from, what, bytes))) {
        found++;
        from += bytes;
    }
    return found;
}

static size_t least(size_t one, size_t other) { return one < other ? one : other; }

/* `data` has LONGEST_MARK bytes of room before it, for what the stream's tail holds. */
static int completed(struct counter *counter, struct stream *stream, char *data, size_t bytes) {
    size_t mark_bytes = counter->mark_bytes, end_bytes = counter->end_bytes;
    size_t longest = mark_bytes > end_bytes ? mark_bytes : end_bytes;
    char *stop = data + bytes, *end = stop;
    /* Whatever is found from here on ends in `data`: it was not found before. */
    char *marks = data - least(stream->kept, mark_bytes - 1);
    char *ends = data - least(stream->kept, end_bytes - 1) + end_bytes;
    int found = 0;
    memcpy(data - stream->kept, stream->tail, stream->kept);
    while (end >= ends && memcmp(end - end_bytes, counter->end, end_bytes))
        end--;
    if (end >= ends) {
        found = stream->unfinished + count(marks, end, counter->mark, mark_bytes);
        stream->unfinished = 0;
        marks = end;
    }
    stream->unfinished += count(marks, stop, counter->mark, mark_bytes);
    stream->kept = least(stream->kept + bytes, longest - 1);
    memcpy(stream->tail, stop - stream->kept, stream->kept);
    return found;
}

/* The notifications that `data` completed of one stream. */
int64_t counter_feed(struct counter *counter, size_t stream, const char *data, size_t bytes) {
    int64_t total = 0;
    while (bytes > 0) {
        size_t part = bytes < READ_BYTES ? bytes : READ_BYTES;
        memcpy(counter->buffer + LONGEST_MARK, data, part);
        total += completed(counter, &counter->of[stream], counter->buffer + LONGEST_MARK, part);
        data += part;
        bytes -= part;
    }
    return total;
}

/* Wait until something can be read: the number of events, or NO_POLL. */
static int wait_for(struct counter *counter, int epoll, int timeout_ms) {
    int ready = epoll_wait(epoll, counter->events, MOST_AT_A_TIME, timeout_ms);
    return ready >= 0 ? ready : errno == EINTR ? 0 : NO_POLL;
}

/* Read one of them: the notifications that it completed of `stream`, or ENDED. */
static int take(struct counter *counter, int descriptor, int32_t stream) {
    char *data = counter->buffer + LONGEST_MARK;
    ssize_t bytes = read(descriptor, data, READ_BYTES);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return bytes > 0 ? completed(counter, &counter->of[stream], data, bytes) : ENDED;
}

/* Wait, read what has come, and add to `received` by stream; `stream_of` by file descriptor. How many
 * notifications that were, NO_POLL, or ENDED, with the stream in `*ended`. */
int64_t counter_read(struct counter *counter, int epoll, int timeout_ms, const int32_t *stream_of,
                     int64_t *received, int32_t *ended) {
    int64_t total = 0;
    int ready = wait_for(counter, epoll, timeout_ms);
    for (int each = 0; each < ready; each++) {
        int descriptor = counter->events[each].data.fd;
        int32_t stream = stream_of[descriptor];
        int frames = take(counter, descriptor, stream);
        if (frames < 0) {
            *ended = stream;
            return ENDED;
        }
        received[stream] += frames;
        total += frames;
    }
    return ready < 0 ? ready : total;
}

/* The same, each with its moment: `streams`, `frames` and `moments` (time.perf_counter's) have room
 * for MOST_AT_A_TIME. How many of each there are. */
int64_t counter_arrivals(struct counter *counter, int epoll, int timeout_ms,
                         const int32_t *stream_of, int32_t *streams, int32_t *frames,
                         double *moments, int32_t *ended) {
    int ready = wait_for(counter, epoll, timeout_ms);
    for (int each = 0; each < ready; each++) {
        struct timespec now;
        int descriptor = counter->events[each].data.fd;
        streams[each] = stream_of[descriptor];
        frames[each] = take(counter, descriptor, streams[each]);
        clock_gettime(CLOCK_MONOTONIC, &now);
        moments[each] = now.tv_sec + 1e-9 * now.tv_nsec;
        if (frames[each] < 0) {
            *ended = streams[each];
            return ENDED;
        }
    }
    return ready;
}
