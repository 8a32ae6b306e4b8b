"""The reader's training code: the network equals the model it comes from, and pictures are what the pipeline makes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import openvino
import pytest
import torch
import yaml

from pipeline.formats.alphabet import CHINESE, CLASS_OF, SAID_FOREIGN
from pipeline.reading import ctc
from pipeline.reading.recognizers import MIN_WIDTH_PX, PlateRecognizer
from pipeline.reading.recognizers.engines import LoadedModel
from pipeline.records import Box
from synthesis.drawing.plates import Plate, PlateStyle, random_plate
from training.reader import charset
from training.reader.evaluate import share
from training.reader.export import export
from training.reader.network import PlateNetwork
from training.reader.pictures.degrade import harmed
from training.reader.pictures.drawn import drawn_plate
from training.reader.pictures.feed import RenderedSet, normalised, steps_of
from training.reader.pictures.material import bordered, load, plate_crops, rows_of
from training.reader.pictures.prepare import SHARES, Sample, Studio, as_sample, line_picture, padded_px
from training.reader.pictures.view import view
from training.reader.schedule import Schedule
from training.reader.train import ctc_loss, load_trained, train
from training.reader.weights import Base, averaged, plate_network, shipped_network, trained_graph, whole_network

#: Real plates: a grey one, and one of two rows.
CROPS = ("ar/morning_10620_100.jpg", "br_eu2/crop_a_gf938bc.jpg")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def base(cache: Path) -> Base:
    return Base.load(cache)


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> np.ndarray:
    width_px = 160
    crops = [load(shared_data / "recognition" / "crops" / name) for name in CROPS]
    images = [np.asarray(cv2.resize(crop, (width_px, 48)), np.uint8) for crop in crops]
    drawn = [drawn_plate(1, np.random.default_rng(seed)).image for seed in (1, 2)]
    images += [np.asarray(cv2.resize(image, (width_px, 48)), np.uint8) for image in drawn]
    return normalised(np.stack(images))


def said_by_graph(graph: bytes, pictures: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": pictures})[0])


def said_by(network: PlateNetwork, pictures: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(network.eval()(torch.from_numpy(pictures)).softmax(-1).numpy())


def test_the_network_says_what_the_model_says_that_it_was_made_from(base: Base, pictures: np.ndarray) -> None:
    said = said_by(whole_network(base), pictures)
    assert said.shape == (4, 20, 18_710)
    assert np.abs(said - said_by_graph(base.graph.SerializeToString(), pictures)).max() < 1e-4


def test_cutting_the_classifier_keeps_the_order_of_what_is_left(base: Base, pictures: np.ndarray) -> None:
    whole, cut = said_by(whole_network(base), pictures), said_by(plate_network(base), pictures)
    kept = whole[..., charset.columns_in(base.charset)]
    assert cut.shape[-1] == charset.CLASSES
    assert np.abs(cut - kept / kept.sum(-1, keepdims=True)).max() < 1e-3


def test_changed_weights_come_back_in_the_same_graph(base: Base, pictures: np.ndarray) -> None:
    network = plate_network(base)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1 + 0.05 * torch.randn_like(parameter))
    graph = trained_graph(network, base).SerializeToString()
    assert np.abs(said_by_graph(graph, pictures) - said_by(network, pictures)).max() < 1e-4


def test_an_export_is_small_and_reads_in_both_engines(base: Base, cache: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "last.pt"
    torch.save({"weights": plate_network(base).state_dict()}, checkpoint)
    folder = export(checkpoint, tmp_path / "plate-reader", cache)
    file = folder / "inference.onnx"
    assert file.stat().st_size < 12e6
    described = yaml.safe_load((folder / "inference.yml").read_text(encoding="utf-8"))
    assert "".join(described["PostProcess"]["character_dict"]) == charset.CHARACTERS
    image = np.full((60, 240, 3), 240, np.uint8)
    cv2.putText(image, "AB123", (20, 48), (10, 10, 10), cv2.FontFace("sans"), 44, 600)
    line = normalised(line_picture(image, 144, 192)[None])
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(file), "CPU")
    for said in (np.asarray(compiled(line)[0]), said_by_graph(file.read_bytes(), line)):
        assert charset.greedy([int(c) for c in said[0].argmax(1)]) == "AB123"


def test_training_can_go_on_from_what_was_exported(
    base: Base, cache: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    network = plate_network(base)
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1 + 0.05 * torch.randn_like(parameter))
    checkpoint = tmp_path / "last.pt"
    torch.save({"weights": network.state_dict()}, checkpoint)
    folder = export(checkpoint, tmp_path / "plate-reader", cache)
    again = shipped_network(folder, base)
    assert np.abs(said_by(again, pictures) - said_by(network, pictures)).max() < 0.05, "weights are kept in FP16"


def test_an_export_may_be_the_mean_of_a_folder_and_what_became_of_it(base: Base, cache: Path, tmp_path: Path) -> None:
    first, then = plate_network(base), plate_network(base)
    with torch.no_grad():
        for parameter in then.parameters():
            parameter.add_(0.5)
    torch.save({"weights": first.state_dict()}, tmp_path / "first.pt")
    folder = export(tmp_path / "first.pt", tmp_path / "first", cache)
    described = (folder / "inference.yml").read_text(encoding="utf-8")
    (folder / "inference.yml").write_text(described.replace(SAID_FOREIGN, "■"), encoding="utf-8")
    mean = averaged(then, folder, 0.5, base).state_dict()
    lacking = charset.encoded(SAID_FOREIGN)[0]
    for name, value in first.state_dict().items():
        moved = mean[name] - value
        if name.startswith("classifier."):
            assert torch.allclose(moved[lacking], torch.full_like(moved[lacking], 0.5), atol=0.02), (
                "its own, not a mean"
            )
            moved = torch.cat([moved[:lacking], moved[lacking + 1 :]])
        assert torch.allclose(moved, torch.full_like(moved, 0.25), atol=0.02), name


def test_lines_are_prepared_as_the_pipeline_prepares_them() -> None:
    seen: list[np.ndarray] = []

    def network(batch: np.ndarray) -> np.ndarray:
        seen.append(batch)
        return np.full((len(batch), batch.shape[3] // 8, charset.CLASSES), 1 / charset.CLASSES, np.float32)

    model = LoadedModel("stub", network, ("blank", *charset.CHARACTERS, " "), 48, wants_rgb=False)
    image = np.random.default_rng(0).integers(0, 255, (31, 97, 3)).astype(np.uint8)
    matrix = PlateRecognizer(model).probabilities([image], 144)[0]
    line = line_picture(image, 144, 320)
    width = padded_px(line.shape[1])
    padded = np.zeros((1, 3, 48, width), np.float32)
    padded[..., : line.shape[1]] = normalised(line[None])
    assert np.allclose(seen[0], padded, atol=1e-6)
    assert steps_of(np.array([[line.shape[1]]]), width)[0, 0] == len(matrix)
    assert padded_px(MIN_WIDTH_PX) == MIN_WIDTH_PX


def test_loss_is_the_probability_that_reading_gives_the_text_over_both_rows() -> None:
    rng = np.random.default_rng(4)
    logits = torch.from_numpy(rng.normal(0, 2, (4, 12, charset.CLASSES)).astype(np.float32))
    steps = np.array([[12, 7], [9, 12]])
    texts = ["AB1", "京A7"]
    loss = ctc_loss(logits, steps, [charset.encoded(text) for text in texts])
    said = logits.softmax(-1).numpy()
    blank = np.eye(1, charset.CLASSES, dtype=np.float32)
    expected = []
    for sample, text in enumerate(texts):
        top, bottom = (said[2 * sample + row, : steps[sample, row]] for row in (0, 1))
        joined = np.concatenate([top, blank, bottom])
        expected.append(-ctc.log_probabilities([joined], [charset.encoded(text)])[0, 0])
    assert float(loss) == pytest.approx(np.mean(expected), abs=1e-3)


def test_a_place_that_says_nothing_has_a_loss_too() -> None:
    logits = torch.zeros(1, 18, charset.CLASSES, requires_grad=True)
    loss = ctc_loss(logits, np.array([[18]]), [()])
    loss.backward()
    assert float(loss.detach()) == pytest.approx(18 * np.log(charset.CLASSES), rel=1e-4)
    assert logits.grad is not None
    assert (logits.grad[0, :, charset.BLANK] < 0).all()


def test_texts_and_classes_lead_to_each_other() -> None:
    for text in ("KA05MX1234", "皖A12警34", "粤Z1234港"):
        assert charset.greedy([c for index in charset.encoded(text) for c in (index, charset.BLANK)]) == text
    known = charset.CHARACTERS.replace(SAID_FOREIGN, "")
    assert all(char in CLASS_OF for char in known), "the pipeline can say all that the reader knows"
    assert not charset.readable("ДА1")


@pytest.mark.parametrize(
    ("written", "said"),
    [("LEC 14-4444", "LEC144444"), ("ДА1", "□□1"), ("29오3306", "29□3306"), ("ÖL-1", "OL1"), ("皖A·1", "皖A1")],
)
def test_what_cannot_be_read_is_said_to_be_a_letter(written: str, said: str) -> None:
    assert charset.said(written) == said
    assert charset.readable(said)


@pytest.mark.parametrize("rows", [1, 2])
def test_where_china_is_to_be_met_unseen_no_drawn_plate_has_its_letters(rows: int) -> None:
    texts = "".join(drawn_plate(rows, np.random.default_rng(seed), ("CN",)).text for seed in range(80))
    assert not set(texts) & set(CHINESE)


@pytest.mark.parametrize("rows", [1, 2])
def test_drawn_plates_say_what_their_label_says_and_become_samples(rows: int) -> None:
    texts = set()
    for seed in range(25):
        rng = np.random.default_rng(seed)
        plate = drawn_plate(rows, rng)
        texts.add(plate.text)
        assert plate.rows == rows
        assert 2 <= len(plate.text.replace(SAID_FOREIGN, "")) <= 10
        assert charset.readable(plate.text)
        sample = as_sample(harmed(view(plate, rng), rng), plate, rng)
        assert_whole(sample)
        assert sample.text in ("", plate.text)
        if sample.text:
            assert len(sample.lines) == rows
    assert len(texts) > 20


def test_countries_to_be_met_unseen_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn: list[str] = []

    def noted(style: PlateStyle, rng: np.random.Generator) -> Plate:
        drawn.append(style.numbering)
        return random_plate(style, rng)

    monkeypatch.setattr("training.reader.pictures.drawn.random_plate", noted)
    for seed in range(150):
        drawn_plate(1, np.random.default_rng(seed), ("GB", "NL", "US", "FR"))
    assert {"DE", "RO"} < set(drawn)
    assert not {"GB", "NL", "US", "US-CA", "FR"} & set(drawn)
    folder = tmp_path / "recognition"
    (folder / "crops").mkdir(parents=True)
    rows = ("a.png,EU-NL", "b.png,US", "c.png,mixed", "d.png,EU-D")
    lines = "".join(f"{row},train,AB12,,,100,40\n" for row in rows)
    (folder / "labels.csv").write_text("image,country,split,plate_text,note,x1,width,height\n" + lines)
    for row in rows:
        cv2.imwrite(str(folder / "crops" / row.split(",")[0]), np.full((40, 100, 3), 200, np.uint8))
    assert len(list(plate_crops(tmp_path))) == 4
    assert [plate.group for plate in plate_crops(tmp_path, ("NL", "US"))] == ["EU-D"], "nor what may be of them"


def assert_whole(sample: Sample) -> None:
    widths = {line.shape for line in sample.lines}
    assert len(widths) == 1
    assert next(iter(widths)) == (48, padded_px(max(sample.widths_px)), 3)
    assert all(96 <= width <= 256 for width in sample.widths_px)
    steps = [width // 8 for width in sample.widths_px]
    repeats = sum(a == b for a, b in pairwise(sample.text))
    assert sum(steps) >= len(sample.text) + repeats, "CTC finds room for the text"


def test_views_follow_their_seed_and_hold_the_plate() -> None:
    board = np.full((40, 160, 3), (0, 0, 255), np.uint8)
    plate = bordered(board, "A1", 1, "drawn")
    assert plate.box == Box(48, 12, 208, 52)
    for seed in range(30):
        once, twice = (view(plate, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(once, twice)
        assert 9 <= once.shape[0] <= 40
        assert (once == (0, 0, 255)).all(2).mean() > 0.99, "nothing but plate and its continued edge"


def test_a_rendered_set_comes_back_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    lines = rng.integers(0, 255, (3, 2, 48, 96, 3)).astype(np.uint8)
    (tmp_path / "2x96.raw").write_bytes(lines.tobytes())
    texts = ["AB12", "C3", ""]
    rest = [{"text": text, "widths": [96, 80]} for text in texts]
    (tmp_path / "samples.json").write_text(json.dumps({"2x96": rest}))
    rendered = RenderedSet(tmp_path, 6, seed=1)
    batch = rendered.draw()
    assert len(rendered) == 6
    assert batch.pictures.shape == (6, 3, 48, 96)
    assert sorted(batch.targets) == sorted(charset.encoded(text) for text in texts)
    assert batch.steps.tolist() == [[12, 11]] * 3
    assert (batch.pictures[1, :, :, 80:] == 0).all(), "padding stays mid-grey"
    assert np.abs(batch.pictures).max() <= 1


def test_training_leaves_a_checkpoint_that_export_loads(tmp_path: Path, cache: Path) -> None:
    lines = [line_picture(drawn_plate(1, np.random.default_rng(seed)).image, 144, 144) for seed in range(4)]
    padded = np.stack([np.pad(line, ((0, 0), (0, 16), (0, 0))) for line in lines])
    (tmp_path / "1x160.raw").write_bytes(padded.tobytes())
    rest = [{"text": "AB123", "widths": [144]} for _ in lines]
    (tmp_path / "samples.json").write_text(json.dumps({"1x160": rest}))
    schedule = Schedule(budget_s=0.5, warm_up=0.2, batch=4, threads=1)
    checkpoint = train(tmp_path, tmp_path / "out", cache, schedule)
    kept = torch.load(checkpoint, weights_only=True)
    assert kept["recipe"]["steps"] > 0
    assert set(load_trained(checkpoint, cache).state_dict()) == set(kept["weights"])


def test_the_rate_climbs_once_and_falls() -> None:
    shares = [Schedule().share(progress / 100) for progress in range(101)]
    top = int(np.argmax(shares))
    assert shares[:top] == sorted(shares[:top])
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert max(shares) == pytest.approx(1.0, abs=0.02)
    assert shares[-1] == pytest.approx(0.01)


def test_no_plate_of_the_development_split_is_trained_on(shared_data: Path) -> None:
    plates = list(plate_crops(shared_data))
    held_back = {row["plate_text"] for row in rows_of(shared_data / "recognition" / "labels.csv", "dev")}
    assert len(held_back) > 100
    assert held_back.isdisjoint(plate.text for plate in plates)
    by_group = {group: [plate for plate in plates if plate.group == group] for group in SHARES}
    studio = Studio({group: found for group, found in by_group.items() if found})
    rng = np.random.default_rng(0)
    for _ in range(60):
        assert_whole(studio.sample(rng))


def test_scores_take_look_alikes_for_the_same_only_on_request() -> None:
    truth, said = ["AB01", "XY9"], ["ABOI", "XY9"]
    assert share(truth, said) == 1.0
