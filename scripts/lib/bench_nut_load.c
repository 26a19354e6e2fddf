/*
 * Asks a NUT server on loopback as fast as it answers, and prints one line of JSON.
 *
 *   run     PORT CLIENTS SECONDS REQUEST   each client asks again once it has its reply
 *   connect PORT CLIENTS SECONDS REQUEST   all clients connect at once and ask once
 *   hold    PORT CLIENTS SECONDS REQUEST   all clients ask once and then stay, silent
 *
 * One thread and one epoll; the replies are counted in bytes, their length learnt from the first.
 * The clients come from 127.0.0.1, 127.0.0.2 and so on, for a server may grant each address so many.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SAMPLES 4000000
#define MAX_EVENTS 1024
#define CLIENTS_PER_ADDRESS 60

struct client {
	int fd;
	int connected;
	size_t missing;
	double asked;
};

static struct sockaddr_in server;
static char request[1024];
static size_t request_length, reply_length;
static double *samples;
static size_t sample_count, failures;
static char buffer[1 << 16];

static double now(void)
{
	struct timespec spec;
	clock_gettime(CLOCK_MONOTONIC, &spec);
	return spec.tv_sec + spec.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* A LIST ends with its END line, everything else with its first LF. */
static size_t learn_reply_length(void)
{
	size_t length = 0;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
		fail("connect");
	if (write(fd, request, request_length) != (ssize_t)request_length)
		fail("write");
	for (;;) {
		ssize_t count = read(fd, buffer + length, sizeof buffer - length - 1);
		if (count <= 0)
			fail("read");
		length += (size_t)count;
		buffer[length] = 0;
		if (buffer[length - 1] == '\n' &&
		    (strncmp(buffer, "BEGIN", 5) || strstr(buffer, "\nEND LIST ")))
			break;
	}
	close(fd);
	return length;
}

static void ask(struct client *client, double at)
{
	client->missing = reply_length;
	client->asked = at;
	if (write(client->fd, request, request_length) != (ssize_t)request_length)
		failures++;
}

/* The port is left to connect, which needs it to be free for this server only. */
static void bind_to_address(int fd, size_t number)
{
	int on = 1;
	struct sockaddr_in source = { .sin_family = AF_INET };
	source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / CLIENTS_PER_ADDRESS));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
		fail("bind");
}

static void open_client(int poll, struct client *client, size_t number)
{
	int on = 1;
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client };
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		fail("socket");
	bind_to_address(client->fd, number);
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	client->asked = now();
	if (connect(client->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
		fail("connect");
	if (epoll_ctl(poll, EPOLL_CTL_ADD, client->fd, &event) < 0)
		fail("epoll_ctl");
}

/* Returns 1 once the client has a whole reply, -1 when the server has hung up. */
static int receive(struct client *client)
{
	for (;;) {
		ssize_t count = read(client->fd, buffer, sizeof buffer);
		if (count < 0)
			return errno == EAGAIN ? 0 : -1;
		if (count == 0)
			return -1;
		if ((size_t)count > client->missing)
			count = (ssize_t)client->missing;
		client->missing -= (size_t)count;
		if (client->missing == 0)
			return 1;
	}
}

static void note(double seconds)
{
	if (sample_count < MAX_SAMPLES)
		samples[sample_count++] = seconds;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

static double quantile(double part)
{
	return sample_count ? samples[(size_t)((double)(sample_count - 1) * part)] : 0;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: run|connect|hold PORT CLIENTS SECONDS REQUEST\n");
		return 2;
	}
	int repeats = !strcmp(argv[1], "run"), stays = !strcmp(argv[1], "hold"), told = 0;
	size_t count = strtoul(argv[3], NULL, 10), answered = 0;
	double limit = atof(argv[4]);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	request_length = (size_t)snprintf(request, sizeof request, "%s\n", argv[5]);
	reply_length = learn_reply_length();
	struct client *clients = calloc(count, sizeof *clients);
	samples = malloc(MAX_SAMPLES * sizeof *samples);
	int poll = epoll_create1(0);
	if (!clients || !samples || poll < 0)
		fail("setup");
	double began = now();
	for (size_t i = 0; i < count; i++)
		open_client(poll, &clients[i], i);
	size_t replies = 0;
	struct epoll_event events[MAX_EVENTS];
	double at = now();
	while (at - began < limit && (repeats || stays || answered < count)) {
		int ready = epoll_wait(poll, events, MAX_EVENTS, 100);
		at = now();
		for (int i = 0; i < ready; i++) {
			struct client *client = events[i].data.ptr;
			if (!client->connected && events[i].events & EPOLLOUT &&
			    !(events[i].events & (EPOLLERR | EPOLLHUP))) {
				double since = client->asked;
				client->connected = 1;
				ask(client, at);
				if (!repeats)
					client->asked = since;
			}
			if (!(events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
				continue;
			int state = receive(client);
			if (state < 0) {
				failures++;
				answered++;
				epoll_ctl(poll, EPOLL_CTL_DEL, client->fd, NULL);
			} else if (state > 0) {
				at = now();
				note(at - client->asked);
				replies++;
				if (repeats)
					ask(client, at);
				else
					answered++;
			}
		}
		if (stays && !told && answered == count) {
			printf("ready\n");
			fflush(stdout);
			told = 1;
		}
	}
	double seconds = now() - began;
	qsort(samples, sample_count, sizeof *samples, ascending);
	printf("{\"replies\": %zu, \"failures\": %zu, \"seconds\": %.6f, \"p50_s\": %.9f, "
	       "\"p99_s\": %.9f, \"max_s\": %.9f}\n",
	       replies, failures, seconds, quantile(0.5), quantile(0.99), quantile(1.0));
	return 0;
}
