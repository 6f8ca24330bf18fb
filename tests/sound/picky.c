/* An ALSA device that takes one rate and one channel count, as many USB cards do, and hands all else on:
 *
 *   pcm_type.picky { lib "/where/it/is/libpicky.so" }
 *   pcm.card { type picky slave "pcm that takes anything" rate 48000 channels 2 [wired 1] }
 *
 * With `wired`, it is a microphone that hears on that channel alone; the others are silent.
 *
 * None of ALSA's own plugins refuses a rate: each converts, or needs hardware, or (share) doesn't run on a sound server.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <alsa/pcm_ioplug.h>

typedef struct {
	snd_pcm_ioplug_t io;
	snd_pcm_t *slave;
	snd_pcm_uframes_t done; /* frames that went through since it was prepared */
	long wired;		/* channel, or -1: all */
} picky_t;

static int picky_start(snd_pcm_ioplug_t *io)
{
	return snd_pcm_start(((picky_t *)io->private_data)->slave);
}

static int picky_stop(snd_pcm_ioplug_t *io)
{
	return snd_pcm_drop(((picky_t *)io->private_data)->slave);
}

static int picky_drain(snd_pcm_ioplug_t *io)
{
	return snd_pcm_drain(((picky_t *)io->private_data)->slave);
}

static int picky_prepare(snd_pcm_ioplug_t *io)
{
	picky_t *picky = io->private_data;
	picky->done = 0;
	return snd_pcm_prepare(picky->slave);
}

static int picky_close(snd_pcm_ioplug_t *io)
{
	picky_t *picky = io->private_data;
	snd_pcm_close(picky->slave);
	free(picky);
	return 0;
}

static snd_pcm_sframes_t picky_pointer(snd_pcm_ioplug_t *io)
{
	picky_t *picky = io->private_data;
	snd_pcm_sframes_t avail = snd_pcm_avail(picky->slave);
	if (avail < 0)
		return avail;
	/* Captured: done + avail. Played: done - (buffer - avail); the same, for the buffer is one round. */
	return (picky->done + avail) % io->buffer_size;
}

static snd_pcm_sframes_t picky_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
					snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
	picky_t *picky = io->private_data;
	char *frames = (char *)areas->addr + (areas->first + areas->step * offset) / 8;
	snd_pcm_sframes_t count = io->stream == SND_PCM_STREAM_CAPTURE ? snd_pcm_readi(picky->slave, frames, size)
								       : snd_pcm_writei(picky->slave, frames, size);
	if (count > 0)
		picky->done += count;
	if (io->stream == SND_PCM_STREAM_CAPTURE && picky->wired >= 0)
		for (snd_pcm_sframes_t i = 0; i < count * (snd_pcm_sframes_t)io->channels; i++)
			if (i % io->channels != (unsigned long)picky->wired)
				((int16_t *)frames)[i] = 0;
	return count;
}

static int picky_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay)
{
	return snd_pcm_delay(((picky_t *)io->private_data)->slave, delay);
}

static int picky_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *wanted)
{
	picky_t *picky = io->private_data;
	snd_pcm_hw_params_t *params;
	int error;
	(void)wanted;
	snd_pcm_hw_params_alloca(&params);
	if ((error = snd_pcm_hw_params_any(picky->slave, params)) < 0 ||
	    (error = snd_pcm_hw_params_set_access(picky->slave, params, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0 ||
	    (error = snd_pcm_hw_params_set_format(picky->slave, params, io->format)) < 0 ||
	    (error = snd_pcm_hw_params_set_channels(picky->slave, params, io->channels)) < 0 ||
	    (error = snd_pcm_hw_params_set_rate(picky->slave, params, io->rate, 0)) < 0 ||
	    (error = snd_pcm_hw_params_set_period_size(picky->slave, params, io->period_size, 0)) < 0 ||
	    (error = snd_pcm_hw_params_set_buffer_size(picky->slave, params, io->buffer_size)) < 0)
		return error;
	return snd_pcm_hw_params(picky->slave, params);
}

static int picky_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *wanted)
{
	picky_t *picky = io->private_data;
	snd_pcm_sw_params_t *params;
	snd_pcm_uframes_t least, never;
	snd_pcm_sw_params_alloca(&params);
	snd_pcm_sw_params_current(picky->slave, params);
	snd_pcm_sw_params_get_boundary(params, &never);
	snd_pcm_sw_params_set_start_threshold(picky->slave, params, never); /* it is started when we are */
	snd_pcm_sw_params_get_avail_min(wanted, &least);
	snd_pcm_sw_params_set_avail_min(picky->slave, params, least);
	return snd_pcm_sw_params(picky->slave, params);
}

static int picky_poll_count(snd_pcm_ioplug_t *io)
{
	return snd_pcm_poll_descriptors_count(((picky_t *)io->private_data)->slave);
}

static int picky_poll(snd_pcm_ioplug_t *io, struct pollfd *descriptors, unsigned int space)
{
	return snd_pcm_poll_descriptors(((picky_t *)io->private_data)->slave, descriptors, space);
}

static int picky_revents(snd_pcm_ioplug_t *io, struct pollfd *descriptors, unsigned int count, unsigned short *revents)
{
	return snd_pcm_poll_descriptors_revents(((picky_t *)io->private_data)->slave, descriptors, count, revents);
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = picky_start,
	.stop = picky_stop,
	.pointer = picky_pointer,
	.transfer = picky_transfer,
	.close = picky_close,
	.hw_params = picky_hw_params,
	.sw_params = picky_sw_params,
	.prepare = picky_prepare,
	.drain = picky_drain,
	.poll_descriptors_count = picky_poll_count,
	.poll_descriptors = picky_poll,
	.poll_revents = picky_revents,
	.delay = picky_delay,
};

static int constrain(snd_pcm_ioplug_t *io, unsigned int rate, unsigned int channels)
{
	const unsigned int access = SND_PCM_ACCESS_RW_INTERLEAVED, format = SND_PCM_FORMAT_S16_LE;
	int error;
	if ((error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, &access)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, &format)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate, rate)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 256, 1 << 18)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 768, 1 << 20)) < 0)
		return error;
	return snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 3, 1024);
}

SND_PCM_PLUGIN_DEFINE_FUNC(picky)
{
	const char *slave = NULL;
	long rate = 48000, channels = 2, wired = -1;
	snd_config_iterator_t i, next;
	picky_t *picky;
	int error;
	(void)root;
	snd_config_for_each(i, next, conf) {
		snd_config_t *entry = snd_config_iterator_entry(i);
		const char *id;
		if (snd_config_get_id(entry, &id) < 0)
			continue;
		if (!strcmp(id, "slave"))
			snd_config_get_string(entry, &slave);
		else if (!strcmp(id, "rate"))
			snd_config_get_integer(entry, &rate);
		else if (!strcmp(id, "channels"))
			snd_config_get_integer(entry, &channels);
		else if (!strcmp(id, "wired"))
			snd_config_get_integer(entry, &wired);
	}
	if (!slave || !(picky = calloc(1, sizeof(*picky))))
		return -EINVAL;
	picky->wired = wired;
	if ((error = snd_pcm_open(&picky->slave, slave, stream, SND_PCM_NONBLOCK)) < 0) {
		free(picky);
		return error;
	}
	picky->io.version = SND_PCM_IOPLUG_VERSION;
	picky->io.name = "a picky card";
	picky->io.callback = &callbacks;
	picky->io.private_data = picky;
	if ((error = snd_pcm_ioplug_create(&picky->io, name, stream, mode)) < 0) {
		snd_pcm_close(picky->slave);
		free(picky);
		return error;
	}
	if ((error = constrain(&picky->io, rate, channels)) < 0) {
		snd_pcm_ioplug_delete(&picky->io);
		return error;
	}
	*pcmp = picky->io.pcm;
	return 0;
}

SND_PCM_PLUGIN_SYMBOL(picky);
