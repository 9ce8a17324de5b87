from leeway.detection.channels import Channel


def test_a_channel_of_an_older_bundle_is_read():
    written = (
        '{"family": "impact", "column": "amount", "of_class": "1", "weights": [0.1], "chance": 0.25, "material": 0.01}'
    )
    channel = Channel.model_validate_json(written)
    assert channel.sampling_variance == 0.25
    assert Channel.model_validate_json(channel.model_dump_json()) == channel
