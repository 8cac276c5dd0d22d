"""The study of noise: walks of three seeds of each kind, as the command sweeps two hundred."""

from qa import noise


def test_the_statistics_tell_noise_from_a_planted_edge():
    luck, edge = noise.swept(3, 0.0), noise.swept(3, noise.EDGE)

    assert noise.passed(luck.deflated) == 0.0
    assert noise.passed(edge.deflated) == 1.0
    assert min(luck.overfitting) > 0.2
    assert max(edge.overfitting) < 0.1
    assert max(edge.spa) < 0.05


def test_the_section_replaces_an_earlier_one(tmp_path, monkeypatch):
    monkeypatch.setattr(noise, "DOCS", tmp_path)
    page = tmp_path / "studies.md"
    page.write_text("# Studies\n\nWords.\n\n## Noise\n\nold\n")

    noise.write(["new"])

    assert page.read_text() == "# Studies\n\nWords.\n\n## Noise\n\nnew\n"
